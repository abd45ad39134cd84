package machine

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

// Assessment describes a scenario's load and needs, and whether this machine meets them. The field
// names in JSON are a contract.
type Assessment struct {
	Scenario string `json:"scenario"`
	About    string `json:"about,omitempty"`
	Trials   int    `json:"trials"`
	// of the longest one: its phases, without connecting late and draining
	Trial  time.Duration `json:"-"`
	Total  time.Duration `json:"-"` // of all, with the cooldowns between them
	TrialS float64       `json:"trial_s"`
	TotalS float64       `json:"total_s"`
	// the place in Combinations of the one with most deliveries, which Phases and Sources are about
	Heaviest int `json:"heaviest"`
	// of the matrix, in its order; one without a matrix
	Combined  []Combination `json:"combinations"`
	Before    []Requests    `json:"before,omitempty"` // of the heaviest combination
	Phases    []Phase       `json:"phases"`
	Sources   []Source      `json:"sources"`
	Rules     []Rule        `json:"rules"` // of slo: and valid:, the default ones included
	Limits    Limits        `json:"limits"`
	Shortages []*Shortage   `json:"shortages"` // why a run would be refused; empty: it would not
	Warnings  []string      `json:"warnings"`
	Errors    []Mistake     `json:"errors,omitempty"` // something else than the machine is missing: a data file
	Notes     []string      `json:"notes,omitempty"`  // omissions of the figures
}

// Mistake says why a scenario is refused.
type Mistake struct {
	File    string `json:"file,omitempty"` // or the override: "--set viewers=abc"
	Line    int    `json:"line,omitempty"` // from 1
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Combination holds the largest needs of the trials of one combination of the matrix.
type Combination struct {
	Params  map[string]string `json:"params"`
	Clients int               `json:"clients"`
	Sockets int               `json:"sockets"`
	// of the generator; the built-in server needs as many
	Files          int     `json:"files"`
	Channels       int     `json:"channels,omitempty"` // ends of data channels
	OfferedPerS    float64 `json:"offered_per_s"`
	DeliveriesPerS float64 `json:"deliveries_per_s"`
	GeneratorBytes int64   `json:"generator_bytes"` // estimated
	// estimated; 0 with a target of the scenario's own
	ServerBytes int64 `json:"server_bytes"`
}

// Phase is a phase of the heaviest combination, at its start and at its end.
type Phase struct {
	Name           string        `json:"name"`
	For            time.Duration `json:"-"`
	Seconds        float64       `json:"seconds"`
	Record         bool          `json:"record"`
	Clients        [2]int        `json:"clients"`
	Sockets        [2]int        `json:"sockets"`
	OfferedPerS    [2]float64    `json:"offered_per_s"`
	DeliveriesPerS [2]float64    `json:"deliveries_per_s"`
}

// Rule is a rule of the scenario and the samples that the plan has for it.
type Rule struct {
	Check    string `json:"check"`
	Kind     string `json:"kind"` // slo or valid
	Optional bool   `json:"optional,omitempty"`
	// of a percentile the fewest of all combinations; nil: the plan does not tell
	Samples *int64 `json:"samples"`
	Takes   int64  `json:"takes"` // so many samples, or the rule cannot be judged
}

// Short reports whether there will be too few samples to judge the rule.
func (r *Rule) Short() bool { return r.Samples != nil && *r.Samples < r.Takes }

// Source is a source address of the heaviest combination.
type Source struct {
	Addr    string `json:"from"` // "": the system's choice
	Sockets int    `json:"sockets"`
	Ports   int    `json:"ports"` // that the system allows; 0: unknown
}

// Assess plans the scenario and compares it with the limits. writeTimeout is the default of the
// built-in server for the option of this name.
func Assess(f *file.File, l Limits, writeTimeout time.Duration) *Assessment {
	cells := f.Cells()
	a := &Assessment{
		Scenario: f.Spec.Name, About: f.Spec.About, Trials: len(cells), Limits: l,
		Total: time.Duration(len(cells)-1) * f.Cooldown, Sources: []Source{}, Rules: []Rule{}, Shortages: []*Shortage{}, Warnings: []string{},
	}
	seen := map[*file.Spec]bool{}
	var heaviest *file.Spec
	most := int64(0)
	for _, c := range cells {
		plan := c.Spec.Plan()
		a.Total += plan.Duration
		a.Trial = max(a.Trial, plan.Duration)
		if seen[c.Spec] {
			continue
		}
		seen[c.Spec] = true
		need := NeedOf(c.Spec)
		most = max(most, need.GeneratorBytes+need.ServerBytes)
		one := Combination{
			Params: c.Spec.Params, Clients: plan.Clients, Sockets: plan.Sockets, Files: plan.Files, Channels: plan.Channels,
			OfferedPerS: plan.Offered, DeliveriesPerS: plan.Deliveries, GeneratorBytes: need.GeneratorBytes, ServerBytes: need.ServerBytes,
		}
		if one.Params == nil {
			one.Params = map[string]string{}
		}
		if heaviest == nil || heavier(&one, &a.Combined[a.Heaviest]) > 0 {
			a.Heaviest, heaviest = len(a.Combined), c.Spec
		}
		a.Combined = append(a.Combined, one)
		a.addRules(c.Spec)
	}
	a.TrialS, a.TotalS = a.Trial.Seconds(), a.Total.Seconds()
	a.Before = requestsOf(heaviest)
	for _, s := range heaviest.Stages() {
		a.Phases = append(a.Phases, Phase{
			Name: s.Phase, For: s.For, Seconds: s.For.Seconds(), Record: s.Record,
			Clients: [2]int{s.From.Clients, s.To.Clients}, Sockets: [2]int{s.From.Sockets, s.To.Sockets},
			OfferedPerS: [2]float64{s.From.Offered, s.To.Offered}, DeliveriesPerS: [2]float64{s.From.Deliveries, s.To.Deliveries},
		})
	}
	for _, s := range heaviest.Sources() {
		a.Sources = append(a.Sources, Source{Addr: s.Addr, Sockets: s.Sockets, Ports: l.Ports()})
	}
	a.Shortages = append(a.Shortages, Shortages(cells, l)...)
	for _, g := range heaviest.Groups {
		if len(g.Flow) > 0 {
			a.Notes = append(a.Notes, fmt.Sprintf("the group %s follows a flow: its rate depends on the server's answers and is not included in these figures", g.Name))
		}
	}
	a.Warnings = append(a.Warnings, stalls(heaviest, writeTimeout)...)
	if slices.ContainsFunc(cells, func(c file.Cell) bool { return c.Spec.WebTransport() }) && littleUDP(l) {
		a.Warnings = append(a.Warnings, fmt.Sprintf("sockets of UDP may buffer %s here, and WebTransport drops packets in bursts with less than %s: as root `sysctl -w net.core.rmem_max=%d`", metric.FormatBytes(l.UDPBuffer), metric.FormatBytes(udpBuffer), udpBuffer))
	}
	if f.Spec.Quick == 0 { // a scaled-down run is excused
		a.Warnings = append(a.Warnings, a.shortRules()...)
	}
	lacksMemory := slices.ContainsFunc(a.Shortages, func(s *Shortage) bool { return s.What == Memory })
	if l.Available > 0 && most > l.Available && !lacksMemory {
		a.Warnings = append(a.Warnings, fmt.Sprintf("the scenario needs about %s of memory and %s are free now: end other programs, or lower the number of clients", metric.FormatBytes(most), metric.FormatBytes(l.Available)))
	}
	return a
}

// littleUDP reports whether sockets of UDP cannot have the buffer that QUIC asks for. A privileged
// process may exceed the limit.
func littleUDP(l Limits) bool { return 0 < l.UDPBuffer && l.UDPBuffer < udpBuffer && os.Geteuid() != 0 }

// addRules notes the rules of a combination.
func (a *Assessment) addRules(s *file.Spec) {
	for _, k := range slices.Concat(s.SLO, s.Valid) {
		at := slices.IndexFunc(a.Rules, func(r Rule) bool { return r.Check == k.Text && r.Kind == k.Kind })
		if at < 0 {
			at = len(a.Rules)
			a.Rules = append(a.Rules, Rule{Check: k.Text, Kind: k.Kind, Optional: k.Optional})
		}
		if k.Kind == file.Valid || metric.OfGenerator(k.Metric) {
			continue // judged with any number of samples
		}
		r := &a.Rules[at]
		if r.Takes = k.Takes(); r.Takes == 0 {
			continue
		}
		if planned, ok := s.Expected(&k); ok {
			n := int64(planned)
			if r.Samples == nil || n < *r.Samples {
				r.Samples = &n
			}
		}
	}
}

// shortRules warns of rules that cannot be judged.
func (a *Assessment) shortRules() (warnings []string) {
	for i := range a.Rules {
		if r := &a.Rules[i]; r.Short() {
			warnings = append(warnings, fmt.Sprintf("%s cannot be judged: the plan has about %s samples for it, and its percentile takes %s; make the phases longer or the rates higher, or judge a lower percentile",
				r.Check, metric.FormatCount(*r.Samples), metric.FormatCount(r.Takes)))
		}
	}
	return warnings
}

// stalls warns of clients that stop reading for longer than the built-in server accepts.
func stalls(s *file.Spec, writeTimeout time.Duration) (warnings []string) {
	if s.Server == nil {
		return nil
	}
	borne := cmp.Or(s.Server.Duration("write-timeout"), writeTimeout)
	warn := func(who string, d time.Duration) {
		if d > borne {
			warnings = append(warnings, fmt.Sprintf("%s for %s, and the built-in server disconnects clients that read almost nothing for %s: set server: {write_timeout: ...} to keep them", who, metric.FormatDuration(d), metric.FormatDuration(borne)))
		}
	}
	for _, g := range s.Groups {
		if g.Read != nil {
			warn("clients of the group "+g.Name+" read nothing", g.Read.Stall)
		}
	}
	for _, p := range s.Phases {
		if p.Fault != nil && p.Fault.Stall > 0 {
			warn("the fault of the phase "+p.Name+" stops clients reading", p.For)
		}
	}
	return warnings
}

func heavier(x, y *Combination) int {
	return cmp.Or(cmp.Compare(x.DeliveriesPerS, y.DeliveriesPerS), cmp.Compare(x.Sockets, y.Sockets), cmp.Compare(x.OfferedPerS, y.OfferedPerS))
}
