package file

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Search asks how high one number of the scenario can be raised before a check breaks: what `throng
// capacity` answers. A run of the file ignores it.
type Search struct {
	// a key such as groups.viewers.count or groups.speaker.send[0].rate, a variable, or RaiseLoad
	Raise string
	Unit  string // of From and To: LevelCount, LevelRate, LevelSize or LevelShare
	// the first level and the highest; To defaults to a thousand times From, or 10 000 % of the
	// load
	From, To  float64
	Grow      float64 // factor from level to level until one breaks; default 2
	Precision float64 // distance of the two ends, as a share of the lower; default 0.05
	// unrecorded load before a trial counts; default 5s; not with phases of the file's own
	Settle     time.Duration
	Trial      time.Duration // recorded part of a probe; default 20s
	Confirm    int           // trials that confirm an end, an odd number; default 3
	ConfirmFor time.Duration // recorded part of a confirming trial; default: as in a probe
	// levels measured afterwards for the curves, as shares of the capacity; default 25 50 70 90 100
	// 110 %
	StepsAfter []float64
	// for one run of the search, an earlier one that is resumed not counted; 0: no limit
	Budget time.Duration
}

// RaiseLoad is the Raise of a search over the load of all phases.
const RaiseLoad = "load"

// The units of levels.
const (
	LevelCount = ""   // whole numbers
	LevelRate  = "/s" // per second
	LevelSize  = "B"  // bytes, whole numbers
	LevelShare = "%"  // of the load, as a share: 1 is 100 %
)

// Whole reports whether the levels are whole numbers.
func (s *Search) Whole() bool { return s.Unit == LevelCount || s.Unit == LevelSize }

// Format writes a level as the file would.
func (s *Search) Format(level float64) string {
	switch s.Unit {
	case LevelCount:
		return strconv.FormatFloat(math.Round(level), 'f', -1, 64)
	case LevelSize:
		return strconv.FormatFloat(math.Round(level), 'f', -1, 64) + "B"
	case LevelShare:
		return trimmed(level*100) + "%"
	}
	return trimmed(level) + "/s"
}

// Parse reads a level as the file has it. It must be of the same kind as From.
func (s *Search) Parse(text string) (float64, error) {
	l, f := parseLevel(text)
	if f == nil && l.unit != s.Unit {
		f = &flaw{fmt.Sprintf("%q does not have the unit of the key that the search raises", clip(text)), "write it like " + s.Format(s.From)}
	}
	if f != nil {
		return 0, errors.New(strings.TrimSuffix(f.msg+"; "+f.hint, "; "))
	}
	return l.at, nil
}

func trimmed(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', 6, 64), "0"), ".")
}

const (
	minTrial = time.Second
	maxVotes = 99
)

var searchTable = object[Search]{
	what: "the search",
	def:  "search", about: "The number that throng capacity raises until a check breaks.",
	advice: map[string]string{
		"key": "did you mean `raise`?", "path": "did you mean `raise`?", "start": "did you mean `from`?", "min": "did you mean `from`?",
		"max": "did you mean `to`?", "for": "did you mean `trial`?", "slo": "the checks of the scenario decide: write them under slo",
	},
	fields: []field[Search]{
		{key: "raise", about: "a key such as groups.viewers.count or groups.speaker.send[0].rate, a variable, or load", is: aText, required: "write raise: groups.viewers.count, or another key of the file", set: func(d *decoder, n *node, s *Search) {
			s.Raise = d.string(n, "raise", matches(regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.\[\]-]*$`), "a key of the file", "write it like groups.viewers.count or groups.speaker.send[0].rate"))
		}},
		{key: "from", about: "the first level: a count, a rate or a size; a share of the load", is: aLevel, required: "write the first level, such as from: 1000", set: func(d *decoder, n *node, s *Search) {
			l := compute(d, n, "from", levelValue, nil)
			s.From, s.Unit = l.at, l.unit
		}},
		{key: "to", about: "the highest level; default: a thousand times from", is: aLevel, set: func(d *decoder, n *node, s *Search) {
			l := compute(d, n, "to", levelValue, nil)
			s.To = l.at
			if f := d.places["search"].get("from"); l.at > 0 && f != nil {
				if v, ok := d.vars.expand(&errorList{}, f, nil); ok {
					if first, bad := levelValue(v); bad == nil && first.unit != l.unit {
						d.errs.add(n.at, "from and to have different units", "write both as counts, or both as rates")
					}
				}
			}
		}},
		{key: "grow", about: "factor from one level to the next until one breaks", is: likeText(`^\s*x\s*` + plain + `\s*$`), def: "x2", set: func(d *decoder, n *node, s *Search) {
			s.Grow = read(d, n, "grow", parseFactor, func(v float64) *flaw {
				if v < 1.05 || v > 100 {
					return &flaw{fmt.Sprintf("the levels would grow by x%g", v), "write x1.05 to x100"}
				}
				return nil
			})
		}},
		{key: "precision", about: "how close the highest level that holds and the lowest that breaks must be", is: aShare, def: "5%", set: func(d *decoder, n *node, s *Search) {
			s.Precision = read(d, n, "precision", parsePercent, func(v float64) *flaw {
				if v < 0.001 || v > 1 {
					return &flaw{"the precision is out of range", "write 0.1% to 100%; 5% is usual"}
				}
				return nil
			})
		}},
		{key: "settle", about: "load before a trial counts; not together with phases", is: aDuration, def: "5s", set: func(d *decoder, n *node, s *Search) { s.Settle = d.duration(n, "settle", 0, maxWait) }},
		{key: "trial", about: "the recorded part of a probe", is: aDuration, def: "20s", set: func(d *decoder, n *node, s *Search) { s.Trial = d.duration(n, "trial", minTrial, maxPhase) }},
		{key: "confirm", is: ref("confirm"), set: func(d *decoder, n *node, s *Search) { confirmTable.decode(d, n, s) }},
		{key: "steps_after", about: "levels measured afterwards for the curves, as shares of the capacity", is: listOf(aShare), set: setSteps},
		{key: "budget", about: "longest time for one run of the search; a trial that would exceed it is not started", is: aDuration, set: func(d *decoder, n *node, s *Search) { s.Budget = d.duration(n, "budget", minTrial, maxTotal) }},
	},
	done: func(d *decoder, n *node, s *Search) {
		if s.From > 0 && s.To > 0 && s.To < s.From {
			d.errs.add(at(n, "to"), fmt.Sprintf("the search would end at %s, below its first level %s", s.Format(s.To), s.Format(s.From)), "write a to above from")
		}
		if (s.Raise == RaiseLoad) != (s.Unit == LevelShare) && s.Raise != "" && s.From > 0 {
			d.errs.add(at(n, "from"), "a share can only be a level of the load", "write raise: load with from: 100%, or a count or rate with another key")
		}
	},
}

var confirmTable = object[Search]{
	what: "confirm",
	def:  "confirm", about: "The trials that confirm an end of the interval.",
	fields: []field[Search]{
		{key: "trials", about: "how many, an odd number", is: aCount, def: 3, set: func(d *decoder, n *node, s *Search) {
			s.Confirm = compute(d, n, "trials", countValue, func(v int) *flaw {
				if v < 1 || v > maxVotes || v%2 == 0 {
					return &flaw{fmt.Sprintf("%d trials give no majority", v), "write an odd number such as 3"}
				}
				return nil
			})
		}},
		{key: "for", about: "the recorded part of each; default: the length of a probe", is: aDuration, set: func(d *decoder, n *node, s *Search) { s.ConfirmFor = d.duration(n, "for", minTrial, maxPhase) }},
	},
}

func setSteps(d *decoder, n *node, s *Search) {
	if !d.isList(n, "steps_after") {
		return
	}
	s.StepsAfter = []float64{}
	for _, item := range n.items {
		v := read(d, item, "a step", parsePercent, func(v float64) *flaw {
			if v < 0.01 || v > 2 {
				return &flaw{"the step is out of range", "write 1% to 200% of the capacity"}
			}
			return nil
		})
		if v > 0 && !slices.Contains(s.StepsAfter, v) {
			s.StepsAfter = append(s.StepsAfter, v)
		}
	}
	if len(s.StepsAfter) > maxVotes {
		d.errs.add(n.at, fmt.Sprintf("%d steps are too many", len(s.StepsAfter)), fmt.Sprintf("write at most %d", maxVotes))
	}
}

func setSearch(d *decoder, n *node, s *Spec) {
	d.places["search"] = n
	v := &Search{}
	searchTable.decode(d, n, v)
	if n.kind == dict && n.get("settle") == nil {
		v.Settle = 5 * time.Second
	}
	v.Grow, v.Precision = cmp.Or(v.Grow, 2), cmp.Or(v.Precision, 0.05)
	v.Trial, v.Confirm = cmp.Or(v.Trial, 20*time.Second), cmp.Or(v.Confirm, 3)
	v.ConfirmFor = cmp.Or(v.ConfirmFor, v.Trial)
	if v.StepsAfter == nil {
		v.StepsAfter = []float64{0.25, 0.5, 0.7, 0.9, 1, 1.1}
	}
	if v.To == 0 {
		v.To = 1000 * v.From
		if v.Unit == LevelShare {
			v.To = maxLoad
		}
	}
	s.Search = v
}

// maxLoad is the highest load of a phase.
const maxLoad = 100

// level is a number that a search can raise.
type searchLevel struct {
	at   float64
	unit string
}

// parseLevel reads a count, a rate, a size or a share.
func parseLevel(text string) (searchLevel, *flaw) {
	l, f := levelOf(text)
	if f != nil && isArithmetic(text) {
		q, bad := arithmetic(text)
		switch {
		case bad != nil:
			return l, bad
		case q.like(aNumberUnit):
			l, f = searchLevel{math.Round(q.v), LevelCount}, nil
		case q.like(aRateUnit):
			l, f = searchLevel{q.v, LevelRate}, nil
		case q.like(aSizeUnit):
			l, f = searchLevel{math.Round(q.v), LevelSize}, nil
		}
	}
	if f == nil && l.at <= 0 {
		f = &flaw{"a level must be more than 0", "write a higher one"}
	}
	return l, f
}

func levelValue(v value) (searchLevel, *flaw) { return parseLevel(v.whole) }

func levelOf(text string) (searchLevel, *flaw) {
	var l searchLevel
	if n, f := parseCount(text); f == nil {
		l = searchLevel{float64(n), LevelCount}
	} else if r, f := parseRate(text); f == nil {
		l = searchLevel{r, LevelRate}
	} else if b, f := parseSize(text); f == nil {
		l = searchLevel{b, LevelSize}
	} else if p, f := parsePercent(text); f == nil {
		l = searchLevel{p, LevelShare}
	} else {
		return l, wrong(text, "level", "write a count such as 1000, a rate such as 10/s, or a size such as 256B")
	}
	return l, nil
}

var reFactor = regexp.MustCompile(`^x(\d+(?:\.\d+)?)$`)

// parseFactor reads x2.
func parseFactor(text string) (float64, *flaw) {
	m := reFactor.FindStringSubmatch(closeUp(text))
	if m == nil {
		return 0, wrong(text, "factor", "write it like x2 or x1.5")
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, wrong(text, "factor", "write it like x2 or x1.5")
	}
	return v, nil
}

// A searchTrial is one trial of a search: its level and its recorded time.
type searchTrial struct {
	level  float64
	record time.Duration
}

// shape gives the spec the phases of a trial. Phases of the file's own are kept: the recorded ones
// take the trial's length together, and the first is stretched where the clients need longer to
// connect.
func (t *searchTrial) shape(s *Spec, own bool) {
	if !own {
		s.Phases = []Phase{
			{Name: "ramp", For: time.Second, Clients: Ramp{0, 1}, Load: Ramp{0, 0}},
			{Name: "settle", For: s.Search.Settle, Clients: Ramp{1, 1}, Load: Ramp{1, 1}},
			{Name: "hold", For: t.record, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}},
		}
		if s.Search.Settle == 0 {
			s.Phases = slices.Delete(s.Phases, 1, 2)
		}
	}
	recorded := time.Duration(0)
	for _, p := range s.Phases {
		if p.Record {
			recorded += p.For
		}
	}
	before, share, ended := time.Duration(0), 0.0, false
	for i := range s.Phases {
		p := &s.Phases[i]
		if p.Record && recorded > 0 {
			p.For = max(time.Duration(float64(p.For)*float64(t.record)/float64(recorded)), time.Millisecond)
			if p.Fault != nil {
				fault := *p.Fault
				fault.Within = min(fault.Within, p.For)
				p.Fault = &fault
			}
			ended = true
		}
		if !ended {
			before, share = before+p.For, p.Clients.To
		}
		if s.Search.Raise == RaiseLoad {
			p.Load = Ramp{p.Load.From * t.level, p.Load.To * t.level}
		}
	}
	if s.Phases[0].Record {
		return
	}
	if !own {
		before, share = s.Phases[0].For, 1
	}
	const spare = time.Second // to answer the last handshakes in
	for _, g := range s.Groups {
		if need := connectTime(g, share); need > 0 && need+spare > before {
			s.Phases[0].For += need + spare - before
			before = need + spare
		}
	}
}

// At returns the scenario of a search's trial: what the search raises has that level, and the
// recorded phases take so long together. The file must have a search. The error is of the level,
// which the scenario may not take.
func (f *File) At(level float64, record time.Duration) (*File, error) {
	s := f.Spec.Search
	if s == nil {
		return nil, fmt.Errorf("%s: the scenario has no search; add search: {raise: ..., from: ...}", f.Name)
	}
	set := maps.Clone(f.how.set)
	if set == nil {
		set = map[string]string{}
	}
	if s.Raise != RaiseLoad {
		set[raisedKey(s.Raise)] = s.Format(level)
	}
	how := f.how
	how.set = set
	return parse(f.Name, f.text, how, &searchTrial{level, record})
}

// Fingerprint identifies the scenario with all its settings except secrets; it is the same on every
// machine.
func (f *File) Fingerprint() string {
	h := sha256.New()
	set := maps.Clone(f.how.set)
	for key := range set {
		if f.how.hidden(key) {
			set[key] = ""
		}
	}
	for _, part := range append([]string{f.text}, overrides(set)...) {
		fmt.Fprintf(h, "%d\n%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func overrides(set map[string]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(set)) {
		out = append(out, k, set[k])
	}
	return out
}

var reIndex = regexp.MustCompile(`\[(\d+)\]`)

// raisedKey is the override that raises: send[0].rate is send.0.rate there.
func raisedKey(raise string) string { return reIndex.ReplaceAllString(raise, ".$1") }

// checkSearch validates the first and the last level. A mistake in them is a mistake of the search.
func (f *File) checkSearch(root *node, errs *errorList) {
	s := f.Spec.Search
	n := root.get("search")
	if own := root.get("phases"); own != nil && n.get("settle") != nil {
		errs.add(at(n, "settle"), "the phases of the file already define how long the system settles", "remove settle, or phases")
		return
	}
	first, err := f.At(s.From, s.Trial)
	if err != nil {
		errs.add(at(n, "raise"), cause(err), "")
		return
	}
	last, err := f.At(s.To, s.ConfirmFor)
	// a thousand times the first level may be beyond what a key takes
	for n.get("to") == nil && err != nil && s.To > 2*s.From {
		s.To /= 2
		last, err = f.At(s.To, s.ConfirmFor)
	}
	if err != nil {
		errs.add(at(n, "raise"), fmt.Sprintf("the highest level %s is not possible: %s", s.Format(s.To), cause(err)), "write a lower to")
		return
	}
	if s.Raise != RaiseLoad && s.To > s.From && reflect.DeepEqual(first.Spec.Groups, last.Spec.Groups) {
		errs.add(at(n, "raise"), fmt.Sprintf("raising %s changes no group", s.Raise), "name a count or rate of a group, or a variable that one uses")
	}
}

// cause is the first of several mistakes, without its place.
func cause(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return strings.TrimSuffix(e.Msg+"; "+e.Hint, "; ")
	}
	return err.Error()
}
