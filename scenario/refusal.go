package scenario

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/throng-io/throng/scenario/result"
)

// A refusal is why an agent's part of a trial could not begin, as a message to its controller. What
// the caller of Run tells apart stays so.
type refusal struct {
	Text   string      `json:"text"`
	Target string      `json:"target,omitempty"` // its URL, of a *TargetError
	Limit  *LimitError `json:"limit,omitempty"`
}

// EncodeRefusal makes a message of an error of RunPart before the trial began.
func EncodeRefusal(err error) []byte {
	r := refusal{Text: err.Error()}
	if target, is := errors.AsType[*TargetError](err); is {
		r.Target = target.URL
	}
	r.Limit, _ = errors.AsType[*LimitError](err)
	text, merr := json.Marshal(r)
	if merr != nil {
		return nil // it has only text and numbers
	}
	return text
}

// DecodeRefusal is the error of a message, of the agent with a name: a *TargetError or a
// *LimitError where the agent's was one.
func DecodeRefusal(agent string, message []byte) error {
	var r refusal
	if json.Unmarshal(message, &r) != nil || r.Text == "" {
		r = refusal{Text: "it does not say why it cannot take part"}
	}
	e := &refusedError{text: fmt.Sprintf("the agent %s: %s", agent, result.Short(r.Text, result.MaxText))}
	switch {
	case r.Target != "":
		e.is = &TargetError{URL: r.Target, Err: errors.New(r.Text)}
	case r.Limit != nil:
		e.is = r.Limit
	}
	return e
}

// A refusedError is another process's error.
type refusedError struct {
	text string
	is   error // nil: of no kind that is told apart
}

func (e *refusedError) Error() string { return e.text }

func (e *refusedError) Unwrap() error { return e.is }
