package file

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
)

// The kinds of a check.
const (
	SLO   = "slo"   // a broken one fails the run
	Valid = "valid" // a broken one makes the run invalid
)

// The units of a check's value.
const (
	UnitSeconds   = metric.Seconds
	UnitShare     = metric.Share // 1 is 100 %
	UnitBytes     = metric.Bytes
	UnitPerSecond = metric.PerSecond
	UnitCount     = metric.Count // a plain number
)

// Check is a condition on the measurements of a run:
//
//	stat(metric{label=value,...}) op value [over 5s] [in phase]
//
// The stats loss, dup, disorder, late, undecided and errors are a share of the expected or
// attempted operations when the value is a percentage (UnitShare), else a number (UnitCount).
// Written without a metric, the first five mean delivery, achieved means rate, and errors means
// errors of every kind. Of errors the metric is a kind, such as ack, or a class of one, such as
// ack.timeout.
//
// The growth of memory is the rise of a line fitted to its seconds, from the first to the last, as
// a share of its start; cpu and rss are the generator's own.
//
// The runner looks the value up, and judges it as a Check of package result.
type Check struct {
	Text     string // as written
	Name     string // "": none was given
	Kind     string // SLO or Valid
	Optional bool   // reported, without an effect on the verdict
	// p50 ... p99.99, max, min, mean, count, rate, loss, dup, disorder, late, undecided, errors,
	// growth, ratio, achieved
	Stat     string
	Quantile float64 // above 0 and below 100 for a percentile, else 0
	Metric   string  // of errors a kind or a class; "": all of them
	// of group, from, op, event, transport, room_decile, read, replayed, cross, node; nil: all
	Labels map[string]string
	Op     string  // < <= > >= ==
	Value  float64 // in Unit
	Unit   string  // one of the units above
	// must hold in each window of that length, whole seconds; 0: over the whole
	Over  time.Duration
	Phase string // "": all recorded phases
	// a trial in which it is broken for that long ends early; 0: it does not
	Abort time.Duration
}

var (
	operators        = []string{"<=", ">=", "==", "<", ">"}
	reLikePercentile = regexp.MustCompile(`^p\d[\d.]*$`)
)

const checkLike = "write it like p99(delivery) < 100ms"

// checkParser reads one check from left to right; at is how far it came, in
// bytes, and where the flaw it returns stands.
type checkParser struct {
	text string
	at   int
}

func parseCheck(text string) (Check, *flaw, int) {
	p := &checkParser{text: text}
	c := Check{Text: strings.Join(strings.Fields(text), " ")}
	f := p.parse(&c)
	return c, f, p.at
}

func (p *checkParser) parse(c *Check) *flaw {
	s, f := p.stat(c)
	if f != nil {
		return f
	}
	if f := p.metric(c, s); f != nil {
		return f
	}
	if f := p.operator(c); f != nil {
		return f
	}
	if f := p.value(c, s); f != nil {
		return f
	}
	return p.scope(c)
}

func (p *checkParser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n') {
		p.at++
	}
}

// word takes the letters, digits and further characters that come next,
// without going past them.
func (p *checkParser) word(also string) string {
	p.space()
	end := p.at
	for end < len(p.text) {
		ch := p.text[end]
		if ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= 0x80 || strings.IndexByte(also, ch) >= 0 {
			end++
			continue
		}
		break
	}
	return p.text[p.at:end]
}

// maxAmount is how many words an amount may have: 1 m 30 s has four.
const maxAmount = 8

// amount takes an amount, in which blanks may stand as closeUp has them: as many words as make one.
// It returns the text without the blanks, and where it ends.
func (p *checkParser) amount() (text string, end int) {
	start := p.at
	defer func() { p.at = start }()
	text = p.word(".%/-+")
	start = p.at // behind the blank before it
	p.at += len(text)
	end = p.at
	for range maxAmount {
		next := p.word(".%/-+")
		if next == "" {
			break
		}
		p.at += len(next)
		if whole := closeUp(p.text[start:p.at]); isAmount(whole) {
			text, end = whole, p.at
		}
	}
	return text, end
}

// isAmount reports whether a text without blanks has the form of an amount.
func isAmount(text string) bool {
	size, _ := strings.CutSuffix(text, "/s")
	for _, form := range []*regexp.Regexp{reDuration, reRate, reSize, rePercent, reCount} {
		if form.MatchString(text) || form == reSize && form.MatchString(size) {
			return true
		}
	}
	return false
}

func (p *checkParser) accept(s string) bool {
	p.space()
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *checkParser) rest() string {
	if p.at >= len(p.text) {
		return "the end"
	}
	return strconv.Quote(clip(p.text[p.at:]))
}

func (p *checkParser) stat(c *Check) (metric.Stat, *flaw) {
	w := p.word("_.")
	if w == "" {
		return metric.Stat{}, &flaw{"a check starts with a statistic, not with " + p.rest(), checkLike}
	}
	s, known := metric.StatOf(w)
	if !known {
		if reLikePercentile.MatchString(w) {
			return s, &flaw{"there is no percentile " + w, "write p50 to p99.99"}
		}
		if meant := meantStat[w]; meant != "" {
			return s, &flaw{fmt.Sprintf("unknown statistic %q", w), fmt.Sprintf("did you mean `%s`?", meant)}
		}
		for i := range len(w) { // delivery.p95
			if _, is := metric.Of(w[:i]); is && w[i] == '.' {
				if _, is = metric.StatOf(w[i+1:]); is {
					return s, &flaw{fmt.Sprintf("unknown statistic %q", w), fmt.Sprintf("write %s(%s)", w[i+1:], w[:i])}
				}
			}
		}
		if _, is := metric.Of(w); is {
			return s, &flaw{fmt.Sprintf("`%s` is a metric and needs a statistic", w), fmt.Sprintf("write p99(%s) or another", w)}
		}
		return s, checkWord(w, "statistic", metric.StatNames())
	}
	c.Stat, c.Quantile = w, s.Quantile
	p.at += len(w)
	return s, nil
}

func (p *checkParser) metric(c *Check, s metric.Stat) *flaw {
	if !p.accept("(") {
		if s.Demands {
			return &flaw{fmt.Sprintf("`%s` needs a metric, but %s follows", c.Stat, p.rest()), fmt.Sprintf("write %s(delivery) or another", c.Stat)}
		}
		c.Metric = s.Bare
		return nil
	}
	w := p.word("_.")
	switch _, known := metric.Of(w); {
	case c.Stat == metric.StatErrors:
		if !metric.OfErrors(w) {
			return checkWord(w, "kind of errors", s.Of)
		}
	case !known && slices.Contains(meantLatency, strings.ToLower(w)):
		return &flaw{fmt.Sprintf("unknown metric %q", w), "did you mean `delivery` (until a receiver has a message), `ack` (until its acknowledgement) or `connect`?"}
	case !known:
		return checkWord(w, "metric", metric.Names())
	case !slices.Contains(s.Of, w):
		return &flaw{fmt.Sprintf("the metric `%[2]s` has no statistic `%[1]s`", c.Stat, w), "write " + strings.Join(insteadOf(c.Stat, s, w), " or ")}
	}
	c.Metric = w
	p.at += len(w)
	if p.accept("{") {
		if f := p.labels(c); f != nil {
			return f
		}
	}
	if !p.accept(")") {
		return &flaw{"`)` is missing before " + p.rest(), checkLike}
	}
	return nil
}

func (p *checkParser) labels(c *Check) *flaw {
	for {
		name := p.word("_")
		if f := checkWord(name, "label", metric.Labels); f != nil {
			return f
		}
		if f := fits(c, name); f != nil {
			return f
		}
		p.at += len(name)
		if !p.accept("=") {
			return &flaw{"`=` is missing before " + p.rest(), "write {" + name + "=value}"}
		}
		v := p.word("_-.:/")
		if v == "" {
			return &flaw{fmt.Sprintf("the label `%s` has no value", name), "write {" + name + "=value}"}
		}
		if f := checkLabel(c, name, v); f != nil {
			return f
		}
		p.at += len(v)
		if p.accept("}") {
			return nil
		}
		if !p.accept(",") {
			return &flaw{"`}` is missing before " + p.rest(), "write {group=a,op=room}"}
		}
	}
}

// fits checks that a label can be written there.
func fits(c *Check, name string) *flaw {
	if _, twice := c.Labels[name]; twice || name == "phase" && c.Phase != "" {
		return &flaw{fmt.Sprintf("the label `%s` is given twice", name), "remove one"}
	}
	if known := metric.LabelsOf(c.Stat, c.Metric); !slices.Contains(known, name) {
		return &flaw{fmt.Sprintf("`%s` has no label `%s`", c.what(), name), "write one of " + strings.Join(known, ", ") + ", or remove {...}"}
	}
	return nil
}

// checkLabel takes the value of a label in.
func checkLabel(c *Check, name, value string) *flaw {
	switch name {
	case "phase":
		c.Phase = value
		return nil
	case "transport":
		if f := checkWord(value, "transport", transports); f != nil {
			return f
		}
	case "read":
		if f := checkWord(value, "way to read", []string{"slow", "normal"}); f != nil {
			return f
		}
	case "replayed", "cross":
		if f := checkWord(value, "answer", []string{"true", "false"}); f != nil {
			return f
		}
	case "node":
		if n, err := strconv.Atoi(value); err != nil || n < 0 || n >= maxTargets {
			return wrong(value, "place among the targets", "write 0 for the first of targets")
		}
	case "room_decile":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 10 {
			return wrong(value, "tenth of the rooms", "write 1, the smallest rooms, to 10, the largest")
		}
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[name] = value
	return nil
}

// what returns the statistic and its metric, as written in a check.
func (c *Check) what() string {
	if c.Metric == "" {
		return c.Stat
	}
	return c.Stat + "(" + c.Metric + ")"
}

func (p *checkParser) operator(c *Check) *flaw {
	for _, op := range operators {
		if p.accept(op) {
			c.Op = op
			return nil
		}
	}
	if strings.HasPrefix(p.text[p.at:], "=") {
		return &flaw{"`=` is not a comparison", "write =="}
	}
	return &flaw{"a comparison is missing before " + p.rest(), "write one of < <= > >= =="}
}

func (p *checkParser) value(c *Check, s metric.Stat) *flaw {
	w, end := p.amount()
	if w == "" {
		return &flaw{"a value is missing before " + p.rest(), checkLike}
	}
	units := s.Units
	if units == nil {
		m, _ := metric.Of(c.Metric)
		units = []string{m.Unit}
	}
	v, unit, f := checkValue(w, c.what(), units)
	if f != nil {
		return f
	}
	c.Value, c.Unit = v, unit
	p.at = end
	return nil
}

// checkValue reads a value in one of the units; of two, a share and a count,
// the text decides.
func checkValue(text, what string, units []string) (float64, string, *flaw) {
	bare := reNumber.MatchString(text)
	if len(units) == 2 {
		if rePercent.MatchString(text) {
			units = units[:1]
		} else {
			units = units[1:]
		}
	}
	switch units[0] {
	case UnitSeconds:
		if bare {
			return 0, "", &flaw{fmt.Sprintf("%s is a time, and %s has no unit", what, text), fmt.Sprintf("write %sms, or another of us ms s", text)}
		}
		d, f := parseDuration(text)
		return d.Seconds(), UnitSeconds, f
	case UnitShare:
		if v, err := strconv.ParseFloat(text, 64); bare && err == nil {
			if v > 1 {
				return 0, "", &flaw{fmt.Sprintf("%s is a share, and %s has no %%", what, text), fmt.Sprintf("write %s%%", text)}
			}
			return v, UnitShare, nil
		}
		v, f := parsePercent(text)
		return v, UnitShare, f
	case UnitBytes:
		v, f := parseSize(text)
		return v, UnitBytes, f
	case UnitPerSecond:
		v, f := parseRate(text)
		return v, UnitPerSecond, f
	}
	v, f := parseCount(text)
	if f != nil && bare {
		f = &flaw{fmt.Sprintf("%s is a number of messages or a share, and %s is neither", what, text), "write a whole number, or a percentage such as 1%"}
	}
	return float64(v), UnitCount, f
}

func (p *checkParser) scope(c *Check) *flaw {
	for {
		w := p.word("_-.")
		switch {
		case w == "over" && c.Over == 0 && c.Phase == "":
			p.at += len(w)
			text, end := p.amount()
			d, f := parseDuration(text)
			if s, _ := metric.StatOf(c.Stat); f == nil && s.Whole {
				return &flaw{c.Stat + " is only known for whole phases", "leave `over` out"}
			}
			if f == nil && c.Stat == metric.StatErrors && c.Unit == UnitShare { // attempts are counted by the phase
				return &flaw{"a share of errors is only known for whole phases", fmt.Sprintf("write a number, such as %s %s 5 over %s, or leave `over` out", c.what(), c.Op, text)}
			}
			if f == nil && (d < time.Second || d%time.Second != 0 || d > maxPhase) {
				f = &flaw{fmt.Sprintf("a window of %s cannot be measured", text), "write whole seconds, such as over 5s"}
			}
			if f != nil {
				return f
			}
			c.Over = d
			p.at = end
		case w == "in" && c.Phase == "":
			p.at += len(w)
			phase := p.word("_-")
			if phase == "" {
				return &flaw{"the name of a phase is missing", "write in hold"}
			}
			c.Phase = phase
			p.at += len(phase)
		case w == "" && p.at == len(p.text):
			return nil
		case strings.HasPrefix(p.text[p.at:], "- "):
			return &flaw{"the next item of the list has become a part of this check: " + p.rest(), "indent its - as the - before this check"}
		default:
			return &flaw{"unexpected text after the check: " + p.rest(), "write only `over 5s` and then `in PHASE` after the value"}
		}
	}
}
