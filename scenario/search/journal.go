package search

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A Head is the first document of a search's journal; each one after it is an Observation.
type Head struct {
	Plan Plan `json:"plan"`
}

// ErrOtherPlan says that a journal belongs to another search.
var ErrOtherPlan = errors.New("the journal belongs to a search with another plan; give the scenario, --set and --target that it was begun with, or use another directory")

// Recall reads the observations of a journal in order to continue. plan must equal the plan with
// which the journal was begun. An empty journal gives no observations.
func Recall(documents [][]byte, plan Plan) (history []Observation, err error) {
	for i, text := range documents {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if i > 0 {
			var o Observation
			if err := dec.Decode(&o); err != nil {
				return nil, fmt.Errorf("line %d: it is not a trial of a search: %w", i+1, err)
			}
			history = append(history, o)
			continue
		}
		var head struct {
			Plan *Plan `json:"plan"`
		}
		if err := dec.Decode(&head); err != nil || head.Plan == nil {
			return nil, errors.New("line 1: it is not the journal of a search; use another directory")
		}
		if *head.Plan != plan {
			return nil, ErrOtherPlan
		}
	}
	return history, nil
}
