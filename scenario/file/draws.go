package file

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The kinds of draws.
const (
	DrawUUID    = "uuid"       // a random UUID (version 4)
	DrawRandom  = "random"     // a number from Low to High
	DrawPick    = "pick"       // one of Choices
	DrawNow     = "now"        // milliseconds since 1970
	DrawNowISO  = "now.iso"    // the time as JavaScript's toISOString writes it
	DrawLoop    = "loop.index" // the number of the round of a repeat, from 0
	DrawCounter = "counter"    // how often the client has used it, added to where it begins
	DrawEvent   = "event"      // a value of the event that is reacted to
)

// A Draw is a value that a template makes anew each time it is filled in.
type Draw struct {
	Kind      string
	Low, High float64  // of random, both included
	Decimals  int      // of random: as many as its limits have; 0: whole numbers
	Choices   []Choice // of pick
	Counter   int      // its place in Spec.Counters
	Path      Path     // of event
}

// A Choice is one of several values of pick.
type Choice struct {
	Text  string
	Typed bool // it is JSON as it is: a number, true or false
}

// Counter is a number that each client counts for itself.
type Counter struct {
	Name string
	From int // its first value
}

// The names of the table in names.go that draws belong to, by how they begin.
const (
	rowRandom  = "random(1,6)"
	rowPick    = "pick(a,b,c)"
	rowCounter = "counter.NAME"
	rowEvent   = "event.PATH"
)

var drawRows = []struct{ begin, row string }{
	{DrawRandom + "(", rowRandom}, {DrawPick + "(", rowPick}, {DrawCounter + ".", rowCounter}, {HoleEvent + ".", rowEvent}, {HoleEvent + "[", rowEvent},
}

// rowOf returns the name of the table that a draw belongs to, and other names as they are.
func rowOf(name string) string {
	for _, r := range drawRows {
		if strings.HasPrefix(name, r.begin) {
			return r.row
		}
	}
	return name
}

// Draw returns the draw of a hole; ok is false for other holes.
func (s *Spec) Draw(hole string) (d Draw, ok bool) {
	var counters []string
	for _, c := range s.Counters {
		counters = append(counters, c.Name)
	}
	d, f := parseDraw(hole, counters)
	return d, f == nil && d.Kind != ""
}

// parseDraw reads the name of a hole; the draw has no kind when it is none.
func parseDraw(name string, counters []string) (d Draw, f *flaw) {
	switch rowOf(name) {
	case DrawUUID, DrawNow, DrawNowISO, DrawLoop:
		return Draw{Kind: name}, nil
	case rowRandom:
		return parseRandom(name)
	case rowPick:
		return parsePick(name)
	case rowCounter:
		counter := strings.TrimPrefix(name, DrawCounter+".")
		i := slices.Index(counters, counter)
		if i < 0 {
			hint := fmt.Sprintf("declare it under counters: {%s: 1}", clip(counter))
			if near := Suggest(counter, counters); near != "" {
				hint = fmt.Sprintf("did you mean `counter.%s`?", near)
			}
			return d, &flaw{fmt.Sprintf("there is no counter `%s`", clip(counter)), hint}
		}
		return Draw{Kind: DrawCounter, Counter: i}, nil
	case rowEvent:
		p, f := parsePath("$" + strings.TrimPrefix(name, HoleEvent))
		if f != nil {
			f.hint = "write ${event[0].id}, or ${event.id} for short"
		}
		return Draw{Kind: DrawEvent, Path: p}, f
	}
	return d, nil
}

// inner is what stands in the parentheses of a function.
func inner(name string) (text string, closed bool) {
	_, text, _ = strings.Cut(name, "(")
	return strings.CutSuffix(text, ")")
}

const (
	randomLike = "write it like random(1,6) or random(0.5,1.5)"
	maxRandom  = 1 << 53
)

func parseRandom(name string) (Draw, *flaw) {
	d := Draw{Kind: DrawRandom}
	text, closed := inner(name)
	args := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if !closed || len(args) != 2 {
		return d, wrong(name, "random number", randomLike)
	}
	for i, arg := range args {
		v, err := strconv.ParseFloat(arg, 64)
		if !reJSONNumber.MatchString(arg) || err != nil || math.Abs(v) > maxRandom || strings.ContainsAny(arg, "eE") {
			return d, wrong(name, "random number", randomLike)
		}
		*[]*float64{&d.Low, &d.High}[i] = v
		if _, fraction, decimal := strings.Cut(arg, "."); decimal {
			d.Decimals = min(max(d.Decimals, len(fraction)), 15)
		}
	}
	if d.High <= d.Low {
		return d, &flaw{fmt.Sprintf("%s must go from a lower number to a higher one", clip(name)), randomLike}
	}
	return d, nil
}

func parsePick(name string) (Draw, *flaw) {
	d := Draw{Kind: DrawPick}
	const like = "write it like pick(red, green, blue)"
	text, closed := inner(name)
	split := func(r rune) bool { return r == ' ' }
	if strings.Contains(text, ",") {
		split = func(r rune) bool { return r == ',' }
	}
	for word := range strings.FieldsFuncSeq(text, split) {
		word = strings.TrimSpace(word)
		d.Choices = append(d.Choices, Choice{Text: word, Typed: isTyped(word)})
	}
	if !closed || len(d.Choices) < 2 || slices.ContainsFunc(d.Choices, func(c Choice) bool { return c.Text == "" }) {
		return d, wrong(name, "choice", like)
	}
	return d, nil
}

// checkDraw reports a name that a template may have here, and that has a mistake in it.
func (vs *variables) checkDraw(errs *errorList, at place, name string) bool {
	if _, f := parseDraw(name, vs.counters); f != nil {
		errs.add(at, f.msg, f.hint)
		return false
	}
	return true
}

// calledWrong says what was meant by a function that there is not, "" for a name of another kind.
func calledWrong(name string) string {
	word, _, call := strings.Cut(name, "(")
	if !call {
		return ""
	}
	switch word {
	case DrawUUID, DrawNow:
		return fmt.Sprintf("write ${%s}", word)
	case DrawCounter:
		return "write ${counter.NAME}, and declare it under counters:"
	}
	if near := Suggest(word, []string{DrawRandom, DrawPick, "randint", "choice", "oneof"}); near == DrawPick || near == "choice" || near == "oneof" {
		return "did you mean `pick(a,b,c)`?"
	} else if near != "" {
		return "did you mean `random(1,6)`?"
	}
	return "the functions are random(1,6) and pick(a,b,c)"
}

func setCounters(d *decoder, n *node, s *Spec) {
	if !d.isDict(n, "counters") {
		return
	}
	for _, e := range n.keys {
		if !reName.MatchString(e.key) {
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for a counter", clip(e.key)), "use letters, digits and _, not starting with a digit")
		}
		c := Counter{Name: e.key}
		if e.val.null {
			d.errs.add(e.at, fmt.Sprintf("the counter %s has no value", clip(e.key)), "write where it begins: 1")
		} else {
			c.From = d.count(e.val, "a counter", 0, maxRandom)
		}
		s.Counters = append(s.Counters, c)
	}
}
