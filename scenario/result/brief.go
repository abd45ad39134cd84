package result

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Brief returns a copy without what takes most of the space: histograms, timelines, receiver curves
// and evidence. Its first warning says so. Verdicts, checks, accounts and percentiles are left; it
// cannot be judged again, and no distribution can be drawn of it.
func (r *Run) Brief() (*Run, error) {
	text, err := r.JSON()
	b := new(Run)
	if err == nil {
		err = json.Unmarshal(text, b)
	}
	if err != nil {
		return nil, fmt.Errorf("shorten the result: %w", err)
	}
	for i := range b.Cells {
		b.Cells[i].Timeline, b.Cells[i].Curve, b.Cells[i].Evidence = nil, nil, nil
	}
	unpacked := walk{text: func(_ func() string, s string, limit int) (string, error) {
		if limit == maxHDR {
			return "", nil
		}
		return s, nil
	}}
	_ = unpacked.value(reflect.ValueOf(b).Elem(), nil, MaxText) // it has no errors of its own
	b.Warnings = append([]string{"histograms, timelines and evidence are missing: there was no space to write them"}, b.Warnings...)
	return b, nil
}
