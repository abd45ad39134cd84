package file

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a matrix.
const (
	maxCombinations = 1_000
	maxTrials       = 10_000
)

// matrix is the matrix block of a file.
type matrix struct {
	axes []axis
	// axes without a usable value: reported, and not once more where they are used
	broken   []string
	exclude  []map[string]string
	repeat   int
	order    string
	cooldown time.Duration
}

type axis struct {
	name   string
	at     place
	values []*node
	texts  []string
	words  []string // the name of each value; "" where the file has none
}

var matrixTable = object[matrix]{
	what: "the matrix",
	def:  "matrix", about: "Run the scenario once for each combination of values, or several times.",
	shape: requireOne("anyOf", "axes", "repeat"),
	fields: []field[matrix]{
		{key: "axes", about: "name to values; used as ${matrix.NAME}", is: atLeastOne(mapOf(form{"pattern": reName.String()}, described(axisValues, "the values of an axis, or a mapping that gives each value a name in words"))), set: setAxes},
		// needs the axes: see done
		{key: "exclude", about: "combinations to leave out", is: listOf(atLeastOne(mapOf(nil, aText))), set: func(*decoder, *node, *matrix) {}},
		{key: "repeat", about: "number of trials of each combination", is: aCount, def: 1, set: func(d *decoder, n *node, m *matrix) { m.repeat = d.count(n, "repeat", 1, 1000) }},
		{key: "order", about: "interleaved: trials of the combinations alternate, so that drift affects all of them equally", is: oneOf(orders...), def: "interleaved", set: func(d *decoder, n *node, m *matrix) {
			m.order = d.oneOf(n, "order", orders)
		}},
		{key: "cooldown", about: "wait between two trials", is: aDuration, set: func(d *decoder, n *node, m *matrix) { m.cooldown = d.duration(n, "cooldown", 0, maxWait) }},
	},
	advice: map[string]string{"transport": "write it under axes:", "fanout": "write it under axes:", "size": "write it under axes:"},
	done:   finishMatrix,
}

func setAxes(d *decoder, n *node, m *matrix) {
	if !d.isDict(n, "axes") {
		return
	}
	if len(n.keys) == 0 {
		d.errs.add(n.at, "`axes` is empty", "write axes: {size: [64B, 1KiB]}, or remove the matrix")
	}
	for _, e := range n.keys {
		if !reName.MatchString(e.key) {
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for an axis", clip(e.key)), "use letters, digits and _, not starting with a digit")
			continue
		}
		a := axis{name: e.key, at: e.at}
		a.read(d, e.val)
		if len(a.values) == 0 {
			m.broken = append(m.broken, e.key)
			continue
		}
		m.axes = append(m.axes, a)
	}
}

// maxWords bounds the name of a value, in characters: it stands in tables and beside figures.
const maxWords = 60

// read takes the values of an axis: a list, or a mapping in which each has a name in words.
func (a *axis) read(d *decoder, n *node) {
	if n.kind != dict && !d.isList(n, "the axis "+a.name) {
		return
	}
	if len(n.items)+len(n.keys) == 0 {
		d.errs.add(n.at, fmt.Sprintf("the axis %s has no values", a.name), "list them, or remove the axis")
	}
	for _, item := range n.items {
		a.add(d, item, "")
	}
	for _, e := range n.keys {
		if words := strings.TrimSpace(e.key); words == "" || utf8.RuneCountInString(words) > maxWords || strings.ContainsFunc(words, breaksLine) {
			d.errs.add(e.at, fmt.Sprintf("%q cannot name a value of the axis %s", clip(e.key), a.name), fmt.Sprintf("use a few words on one line, at most %d characters", maxWords))
			continue
		}
		a.add(d, e.val, strings.TrimSpace(e.key))
	}
}

func (a *axis) add(d *decoder, item *node, words string) {
	v, ok := d.scalar(item, "a value of the axis "+a.name)
	switch text := visible(v.text()); {
	case !ok:
	case slices.Contains(a.texts, text):
		d.errs.add(item.at, fmt.Sprintf("the axis %s lists %q twice", a.name, clip(text)), "remove one; repeat: runs a cell more than once")
	default:
		a.values, a.texts, a.words = append(a.values, item), append(a.texts, text), append(a.words, words)
	}
}

// visible is a value as it names a cell, in results and on the screen: what would move the cursor
// there, or hide the text beside it, is escaped.
func visible(text string) string {
	hides := func(r rune) bool {
		joins := r == '\u00ad' || r == '\u200c' || r == '\u200d' // in words of some languages, and emoji
		return breaksLine(r) || !joins && unicode.In(r, unicode.Cf, unicode.Co)
	}
	if !strings.ContainsFunc(text, hides) {
		return text
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

func finishMatrix(d *decoder, n *node, m *matrix) {
	if n.get("axes") == nil && n.get("repeat") == nil {
		d.errs.add(n.at, "the matrix has neither `axes` nor `repeat`", "write axes: {size: [64B, 1KiB]}, or repeat: 5 for five trials of the same")
	}
	size := 1
	for _, a := range m.axes {
		size = min(size*len(a.texts), 1<<30)
	}
	if size > maxCombinations || size*m.repeat > maxTrials {
		d.errs.add(n.at, fmt.Sprintf("the matrix has %d combinations, %d trials", size, size*m.repeat),
			fmt.Sprintf("keep to %d and %d", maxCombinations, maxTrials))
		for _, a := range m.axes {
			m.broken = append(m.broken, a.name)
		}
		m.axes = nil
		return
	}
	if ex := n.get("exclude"); ex != nil && d.isList(ex, "exclude") {
		for _, item := range ex.items {
			m.excludes(d, item)
		}
	}
	if len(m.axes) > 0 && len(m.combinations()) == 0 {
		d.errs.add(at(n, "exclude"), "the exclusions leave no combination", "remove some")
	}
}

// excludes reads one exclusion: the values of some axes that must not meet.
func (m *matrix) excludes(d *decoder, item *node) {
	if !d.isDict(item, "exclusion") {
		return
	}
	out := map[string]string{}
	for _, e := range item.keys {
		i := slices.IndexFunc(m.axes, func(a axis) bool { return a.name == e.key })
		if i < 0 {
			var names []string
			for _, a := range m.axes {
				names = append(names, a.name)
			}
			d.errs.add(e.at, fmt.Sprintf("there is no axis `%s`", clip(e.key)), orOneOf(e.key, names))
			continue
		}
		v, ok := d.scalar(e.val, e.key)
		if !ok {
			continue
		}
		text := visible(v.text())
		if !slices.Contains(m.axes[i].texts, text) {
			d.bad(v, &flaw{fmt.Sprintf("the axis %s has no value %q", e.key, clip(text)), orOneOf(text, m.axes[i].texts)})
			continue
		}
		out[e.key] = text
	}
	if len(item.keys) == 0 {
		d.errs.add(item.at, "an empty exclusion would exclude everything", "name at least one axis and value")
		return
	}
	// An exclusion that was misread would exclude too much: without all its
	// axes it is left out, and the mistake is reported anyway.
	if len(out) == len(item.keys) {
		m.exclude = append(m.exclude, out)
	}
}

// combinations lists the chosen value of every axis, the last axis running
// fastest, without the excluded ones. Without axes there is one, empty.
func (m *matrix) combinations() [][]int {
	var out [][]int
	pick := make([]int, len(m.axes))
	for {
		if !m.excluded(pick) {
			out = append(out, slices.Clone(pick))
		}
		i := len(pick) - 1
		for ; i >= 0; i-- {
			pick[i]++
			if pick[i] < len(m.axes[i].texts) {
				break
			}
			pick[i] = 0
		}
		if i < 0 {
			return out
		}
	}
}

func (m *matrix) excluded(pick []int) bool {
	return slices.ContainsFunc(m.exclude, func(ex map[string]string) bool {
		for i, a := range m.axes {
			if want, ok := ex[a.name]; ok && want != a.texts[pick[i]] {
				return false
			}
		}
		return true
	})
}

// describe names a combination in messages: transport=polling size=64B.
func (m *matrix) describe(pick []int) string {
	var parts []string
	for i, a := range m.axes {
		parts = append(parts, a.name+"="+clip(a.texts[pick[i]]))
	}
	return strings.Join(parts, " ")
}

// schedule orders the trials. Interleaved runs all cells once, then all once
// more, so that drift hits every cell alike; blocked runs all trials of a cell
// in a row; shuffled is interleaved with each round in an order of its own,
// drawn from the seed.
func (m *matrix) schedule(specs []*Spec) []Cell {
	var cells []Cell
	if m.order == "blocked" {
		for _, s := range specs {
			for t := range m.repeat {
				cells = append(cells, Cell{s, t + 1})
			}
		}
		return cells
	}
	rng := rand.New(rand.NewPCG(specs[0].Seed, 0x6d6174726978)) // "matrix"
	for t := range m.repeat {
		round := slices.Clone(specs)
		if m.order == "shuffled" {
			rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		}
		for _, s := range round {
			cells = append(cells, Cell{s, t + 1})
		}
	}
	return cells
}
