package machine

import (
	"fmt"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

// Requests are what the clients of a group ask for before they connect.
type Requests struct {
	Group string        `json:"group"`
	Once  bool          `json:"once,omitempty"`  // for all clients together
	Again bool          `json:"again,omitempty"` // and once more by a client that is refused
	Steps []RequestStep `json:"steps"`
}

// RequestStep is a request, or a pause.
type RequestStep struct {
	Does     string   `json:"does"` // its name: the method and the URL, with * for values
	Sends    string   `json:"sends,omitempty"`
	Expects  string   `json:"expects,omitempty"`
	Captures []string `json:"captures,omitempty"`
}

// requestsOf describes the requests before the connections of a scenario's clients.
func requestsOf(s *file.Spec) (out []Requests) {
	for i := range s.Groups {
		g := &s.Groups[i]
		if g.Before == nil {
			continue
		}
		r := Requests{Group: g.Name, Once: g.Before.Once, Again: g.Before.Again, Steps: []RequestStep{}}
		for j := range g.Before.Steps {
			r.Steps = append(r.Steps, requestStep(&g.Before.Steps[j]))
		}
		out = append(out, r)
	}
	return out
}

func requestStep(s *file.Step) RequestStep {
	if s.HTTP == nil {
		return RequestStep{Does: "think " + s.Think.Text}
	}
	r := RequestStep{Does: s.Name, Expects: "a status below 400"}
	if !s.HTTP.Body.IsZero() {
		r.Sends, _, _ = strings.Cut(s.HTTP.Content, ";")
	}
	if s.HTTP.Status != 0 {
		r.Expects = fmt.Sprintf("status %d", s.HTTP.Status)
	}
	r.Expects += " within " + metric.FormatDuration(s.HTTP.Within)
	if s.HTTP.Stay {
		r.Expects += ", redirects not followed"
	}
	for _, c := range s.Capture {
		r.Captures = append(r.Captures, c.Name)
	}
	return r
}
