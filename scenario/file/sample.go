package file

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/address"
)

// Sample says where to read a target's own resources from.
type Sample struct {
	PID int // a process of this machine; 0: none
	// URL of its metrics in the text format of Prometheus, in which secrets may stand: see
	// Spec.MetricsURL; zero: none
	Prometheus Template
	Every      time.Duration // of Prometheus; default 1s. A process is looked at each second
}

var sampleTable = object[Sample]{
	what: "sample",
	def:  "sample", about: "Where to read the target's own resources from.",
	shape:  requireOne("anyOf", "pid", "prometheus"),
	advice: map[string]string{"url": "did you mean `prometheus`?"},
	lone:   "prometheus",
	fresh:  func() Sample { return Sample{Every: time.Second} },
	fields: []field[Sample]{
		{key: "pid", about: "the process, on this machine", is: aCount, set: func(d *decoder, n *node, s *Sample) { s.PID = d.count(n, "pid", 1, 1<<31-1) }},
		{key: "prometheus", about: "URL of its metrics in the text format of Prometheus; a password in it comes from the environment: http://me:${env.PASSWORD}@host/metrics", is: form{"type": "string", "pattern": `^(https?://|.*\$)`}, set: setPrometheus},
		{key: "every", about: "how often to read the metrics", is: aDuration, def: "1s", set: func(d *decoder, n *node, s *Sample) {
			s.Every = d.duration(n, "every", 100*time.Millisecond, time.Minute)
		}},
	},
	done: func(d *decoder, n *node, s *Sample) {
		if n.get("pid") == nil && n.get("prometheus") == nil {
			d.errs.add(n.at, "sample has no source", "write pid: and a process of this machine, or prometheus: and a URL")
		}
	},
}

// setPrometheus reads the address of metrics. A scenario is shown to others, so that a user in it
// has no password but one of the environment.
func setPrometheus(d *decoder, n *node, s *Sample) {
	if n.kind != scalar || n.null {
		d.errs.add(n.at, "prometheus must be a single value, not "+n.describe(), n.single())
		return
	}
	v, ok := d.expand(n, sampleScope)
	if !ok {
		return
	}
	t := urlTemplate(v)
	for i := range t.Holes {
		if before, after := strings.Join(t.Parts[:i+1], ""), strings.Join(t.Parts[i+1:], ""); inUser(before, after) {
			t.Holes[i].Form = FormPath
		}
	}
	s.Prometheus = t
	if d.vars.how.unset && len(t.Holes) > 0 {
		return // the values of its secrets stand for others
	}
	u, err := url.Parse(d.vars.secrets.fill(t))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.bad(v, &flaw{fmt.Sprintf("%q is not the address of metrics", clip(address.Hide(t.Source()))), "write it like http://host:9100/metrics"})
	case namesUser(t.Source()):
		d.bad(v, &flaw{fmt.Sprintf("the address %q holds a user, and a scenario is shown to others", clip(address.Hide(t.Source()))), "write http://NAME:${env.PASSWORD}@host/metrics, with the password in the environment"})
	}
}

// inUser reports whether what stands between two parts of an address is of its user.
func inUser(before, after string) bool {
	_, before, whole := strings.Cut(before, "://")
	host, _, _ := strings.Cut(after, "/")
	return whole && !strings.Contains(before, "/") && strings.Contains(host, "@")
}

// namesUser reports whether an address has a password, or a user without one, as it is and not as
// ${name}. A slash in front of the @ may be one of the password.
func namesUser(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	user := rest[:at]
	if _, password, found := strings.Cut(user, ":"); found {
		user = password
	}
	return !strings.Contains(user, "${")
}

// fill is a template that has no holes but secrets, with their values: it must not be shown.
func (s *Secrets) fill(t Template) string {
	return string(t.Append(nil, func(dst []byte, h Hole) []byte {
		if d, ok := s.Lookup(h.Name); ok {
			dst = d.Append(dst, h.Form)
		}
		return dst
	}))
}

// MetricsURL is the address of the target's metrics, which must not be shown: secrets stand in it.
// "" where the scenario names none.
func (s *Spec) MetricsURL() string {
	if s.Target == nil || s.Target.Sample == nil {
		return ""
	}
	return s.Secrets.fill(s.Target.Sample.Prometheus)
}
