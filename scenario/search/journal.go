package search

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A journal is text, a JSON object a line: the plan, then each observation as it was made. It is only ever appended to, so that
// whatever ends the program, all trials but the one under way are in it.

// WriteJournal begins a journal with the plan.
func WriteJournal(w io.Writer, plan Plan) error {
	return writeLine(w, struct {
		Plan Plan `json:"plan"`
	}{plan})
}

// AppendJournal adds an observation.
func AppendJournal(w io.Writer, o Observation) error { return writeLine(w, o) }

// writeLine writes v and its newline at once: half a line is then what ends a journal, never what stands within it.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the journal of the search: %w", err)
	}
	return nil
}

// ErrOtherPlan says that a journal belongs to another search.
var ErrOtherPlan = errors.New("the journal is of a search with another plan; give it another directory, or remove the journal")

// ReadJournal takes the observations of a journal back, to go on with. plan must be the one that it was begun with. kept is how many
// bytes are whole lines: an interrupted write leaves half a line behind, which is dropped, and the writer goes on from kept. An
// empty journal gives no observations.
func ReadJournal(r io.Reader, plan Plan) (history []Observation, kept int64, err error) {
	in := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return history, kept, nil // with or without half a line
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the journal of the search: %w", err)
		}
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if number == 1 {
			var head struct {
				Plan *Plan `json:"plan"`
			}
			if err := dec.Decode(&head); err != nil || head.Plan == nil {
				return nil, 0, fmt.Errorf("journal of the search, line 1: it does not begin with a plan")
			}
			if *head.Plan != plan {
				return nil, 0, ErrOtherPlan
			}
		} else {
			var o Observation
			if err := dec.Decode(&o); err != nil {
				return nil, 0, fmt.Errorf("journal of the search, line %d: %w", number, err)
			}
			history = append(history, o)
		}
		kept += int64(len(line))
	}
}
