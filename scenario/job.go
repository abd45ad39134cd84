package scenario

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
)

// A job is what an agent is told of a trial. With the agents of its link it has all that the trial
// depends on. It holds the secrets of the scenario.
type job struct {
	Scenario *file.Packed `json:"scenario"`
	Run      uint32       `json:"run"`  // the trial's id
	URLs     []string     `json:"urls"` // of the targets
	Path     string       `json:"path,omitempty"`
	BuiltIn  bool         `json:"built_in,omitempty"`
	CA       []byte       `json:"ca,omitempty"`    // certificates of the target's authority, PEM
	Links    []string     `json:"links,omitempty"` // instead of the targets, the addresses of the controller's links
}

// encode returns the bytes of a job.
func (j *job) encode() ([]byte, error) { return json.Marshal(j) }

// readJob is the job of those bytes.
func readJob(b []byte) (*job, error) {
	j := &job{}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	switch err := d.Decode(j); {
	case err != nil:
		return nil, fmt.Errorf("the job cannot be read: %w", err)
	case j.Scenario == nil || len(j.URLs) == 0 || j.Run == 0:
		return nil, fmt.Errorf("the job is incomplete: it has no scenario, no target or no number")
	}
	return j, nil
}

// newJob makes the job of a trial.
func (t *trial) newJob(f *file.File) (*job, error) {
	j := &job{Run: t.id, URLs: t.server.urls, Path: t.server.ep.Path, BuiltIn: t.server.builtIn, Links: t.links.addrs}
	var err error
	if j.Scenario, err = f.Pack(t.cell); err != nil {
		return nil, err
	}
	if target := t.spec.Target; target != nil && target.TLS != nil && target.TLS.CA != "" {
		if j.CA, err = regular.ReadFile(target.TLS.CA, maxPEM); err != nil {
			return nil, fmt.Errorf("read the target's certificate authority: %w", err)
		}
	}
	return j, nil
}

// endpoint is where the job's clients connect.
func (j *job) endpoint() *Endpoint {
	ep := &Endpoint{URL: j.URLs[0], Path: j.Path}
	if len(j.URLs) > 1 {
		for _, url := range j.URLs {
			ep.Nodes = append(ep.Nodes, Node{URL: url})
		}
	}
	return ep
}

// tls is the configuration of the job's connections.
func (j *job) tls(s *file.Spec) (*tls.Config, error) {
	if s.Target == nil || s.Target.TLS == nil || s.Target.TLS.CA == "" {
		return tlsConfig(s, j.BuiltIn)
	}
	return tlsWith(s.Target, j.CA)
}
