package file

import (
	"fmt"
	"net/url"
	"regexp"
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
	shown := clip(address.HideQuery(t.Source()))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.bad(v, &flaw{fmt.Sprintf("%q is not the address of metrics", shown), "write it like http://host:9100/metrics"})
	case namesUser(t.Source()):
		hint := "write http://NAME:${env.PASSWORD}@host/metrics, with the password in the environment"
		if u.User == nil { // or one whose password has a slash
			hint = "write %40 for an @ of its path or query"
		}
		d.bad(v, &flaw{fmt.Sprintf("the address %q holds a user, and a scenario is shown to others", shown), hint})
	}
}

// afterHost are the characters that end the part of an address in which its user may stand.
const afterHost = "/?#"

// inUser reports whether what stands between two parts of an address is of its user.
func inUser(before, after string) bool {
	_, before, whole := strings.Cut(before, "://")
	if end := strings.IndexAny(after, afterHost); end >= 0 {
		after = after[:end]
	}
	return whole && !strings.ContainsAny(before, afterHost) && strings.Contains(after, "@")
}

// reHole is a ${name} in the source of a template.
var reHole = regexp.MustCompile(`\$\{[^}]*\}`)

// namesUser reports whether an address has a password that is not all ${name}, or a user without
// one and without ${name}. A slash in front of the @ may be one of the password.
func namesUser(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	user, password, found := strings.Cut(rest[:at], ":")
	if found {
		return reHole.ReplaceAllString(password, "") != ""
	}
	return !reHole.MatchString(user)
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
