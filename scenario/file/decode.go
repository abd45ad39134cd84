package file

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// decoder turns the tree into a Spec, once for each combination of the matrix. It does not stop at
// a mistake: it notes the mistake and continues with a zero.
type decoder struct {
	errs   *errorList
	vars   *variables
	groups []string // names in the file, for the checks; broken groups included
	phases []string
	places map[string]*node // positions of values that are checked at the end, by path
	group  string           // whose templates are being read; "": of no one group
	uses   []ColumnUse      // of data files
	// of the operations of the contract: of the groups that send them
	opUses map[string][]ColumnUse
	scope  *scope // of the flow that is being read
	// the columns that templates name are used by no group of their own
	quiet    bool
	contract *Contract // read before the groups; nil: none
	protocol string    // of the target, read before the contract

	condition *Network // of the phase that is being read; nil: nothing is said of it

	toPeers []place // of the emissions of the group that is being read that go to peers

	captured []string // by the steps before the connections of the group that is being read

	stepsOf func(n *node, what string, sc *scope) []Step // steps, where a table of its own needs it

	homes map[string]string // where keys belong that exist in one kind of mapping: see homes
}

// field is one key of an object. A later key is known to the format, but not
// to this version.
type field[T any] struct {
	key      string
	about    string // what it is, a phrase for the schema; "" where its form says it
	is       form   // of its value
	def      any    // the default as a file has it; nil: none, or described in about
	required string // "" or why the key is needed
	unless   string // another key with which it is not needed; "": none
	later    string // "" or what to do without it
	set      func(d *decoder, n *node, t *T)
}

// object is the table of one kind of mapping.
type object[T any] struct {
	what   string     // "group", for messages
	def    string     // its name in the schema
	about  string     // what it is, a sentence for the schema
	shape  form       // what the schema says of its keys together
	fresh  func() T   // one with the defaults; nil: all zero
	fields []field[T] // in the order of the documentation
	// for keys that people try and edit distance does not lead to the right one
	advice map[string]string
	// the key that a single value in the place of the mapping is meant for; alone: the mapping may
	// be empty
	lone string
	done func(d *decoder, n *node, t *T)
}

// alone says of a mapping that nothing has to stand in it.
const alone = "{}"

// start returns one with the defaults.
func (o *object[T]) start() T {
	if o.fresh == nil {
		return *new(T)
	}
	return o.fresh()
}

// decoded reads an object of a table, with its defaults.
func decoded[T any](d *decoder, n *node, o *object[T]) *T {
	t := o.start()
	o.decode(d, n, &t)
	return &t
}

// decode fills t, which holds the defaults.
func (o *object[T]) decode(d *decoder, n *node, t *T) {
	keys, _ := o.names()
	if !d.isDictWith(n, o.what, o.lone, keys) {
		return
	}
	instead := false // a later key may stand for a missing one
	var meant []string
	for _, e := range n.keys {
		i := slices.IndexFunc(o.fields, func(f field[T]) bool { return f.key == e.key })
		next, offset := o.swallowed(e.val)
		switch {
		case next != "":
			d.errs.add(e.val.offset(offset), fmt.Sprintf("no comma stands before `%s`", next), "write {key: value, key: value}")
			meant = append(meant, next, e.key)
		case i < 0:
			meant = append(meant, o.unknownKey(d, e))
		case o.fields[i].later != "":
			instead = true
			d.errs.add(e.at, fmt.Sprintf("`%s` is not supported by this version yet", e.key), o.fields[i].later)
		case e.val.null:
			d.errs.add(e.at, fmt.Sprintf("`%s` has no value", e.key), "give it one, or remove the key")
		default:
			o.fields[i].set(d, e.val, t)
		}
	}
	for _, f := range o.fields {
		if f.required != "" && (f.unless == "" || n.get(f.unless) == nil) && !instead && !slices.Contains(meant, f.key) && n.get(f.key) == nil {
			d.errs.add(n.at, fmt.Sprintf("%s has no `%s`", article(o.what), f.key), f.required)
		}
	}
	if o.done != nil {
		o.done(d, n, t)
	}
}

// names lists the keys to suggest: those that work in this version first, the
// others only when nothing else is near.
func (o *object[T]) names() (now, later []string) {
	for _, f := range o.fields {
		if f.later == "" {
			now = append(now, f.key)
		} else {
			later = append(later, f.key)
		}
	}
	return now, later
}

// unknownKey reports a key that the table does not have, and returns the one
// that was probably meant, if any.
func (o *object[T]) unknownKey(d *decoder, e entry) (meant string) {
	now, later := o.names()
	hint := o.advice[e.key]
	word, rest, _ := strings.Cut(strings.Replace(e.key, "=", " ", 1), " ")
	switch {
	case hint != "":
		for _, key := range now {
			if strings.Contains(hint, "`"+key+"`") {
				meant = key
			}
		}
	case strings.ContainsAny(e.key, "()}"):
		hint = "a comma ends a value inside { }: put the value in quotes"
	case e.val.null && rest != "" && slices.Contains(now, word):
		hint, meant = fmt.Sprintf("write %s: %s", word, clip(strings.TrimSpace(rest))), word
	case o.def == groupTableName && e.val.get("count") != nil:
		hint = "a group stands beside the others, below groups:"
	case o.def == contractTableName && e.val.get("emit") != nil && Suggest(e.key, now) == "":
		hint = fmt.Sprintf("write operations: {%s: {emit: [event, ...], to: ...}}", clip(e.key))
	case d.homes[e.key] != "":
		hint = d.homes[e.key]
	default:
		hint = orOneOf(e.key, now)
		if meant = Suggest(e.key, append(now, later...)); meant != "" {
			hint = fmt.Sprintf("did you mean `%s`?", meant)
		}
	}
	d.errs.add(e.at, fmt.Sprintf("unknown key `%s` in %s", clip(e.key), article(o.what)), hint)
	return meant
}

// article names an object in a sentence: one of many gets an article, what a
// scenario has once goes by its key.
func article(what string) string {
	switch what {
	case "group", "stream", "phase", "check", "step":
		return "a " + what
	case "exclusion":
		return "an " + what
	}
	return what
}

// value is a scalar with its variables substituted.
type value struct {
	node  *node
	parts []string // split where a hole belongs; one part otherwise
	holes []string // their names, one less than the parts
	// of a value without holes: the text, with what a variable computes in parentheses
	whole string
	plain bool // written without quotes, here and where it came from
	null  bool
	from  []string // the variables in it, as written
	set   string   // the override that the whole value came from, "" for none

	offsets []int // of the holes in the node's text
}

// text is the whole of a value without holes.
func (v value) text() string {
	if len(v.parts) == 0 {
		return "" // what could not be read
	}
	return v.parts[0]
}

// at is where a mistake in the value is shown: at the override that brought
// it, else where it is used.
func (v value) at() place {
	if v.set != "" {
		return place{set: v.set}
	}
	return v.node.at
}

func (d *decoder) bad(v value, f *flaw) {
	msg := f.msg
	if len(v.from) > 0 && v.set == "" {
		msg += " (from " + strings.Join(v.from, ", ") + ")"
	}
	if v.set != "" && v.node.at.set == "" {
		msg += fmt.Sprintf(" (used on line %d)", v.node.at.line)
	}
	d.errs.add(v.at(), msg, f.hint)
}

// scalar returns the substituted text of a scalar.
func (d *decoder) scalar(n *node, what string) (value, bool) {
	if n.kind != scalar || n.null {
		d.errs.add(n.at, fmt.Sprintf("%s must be a single value, not %s", what, n.describe()), n.single())
		return value{}, false
	}
	return d.vars.expand(d.errs, n, nil)
}

// expand is scalar for what may have holes; it notes which data they need.
func (d *decoder) expand(n *node, sc *scope) (value, bool) {
	v, ok := d.vars.expand(d.errs, n, sc)
	for i, name := range v.holes {
		rest, ofPeer := PeerName(name)
		if f := feederOf(rest, d.vars.feeders); f != "" && sc.at&spotsOf("FILE.COLUMN") != 0 {
			d.needs(f, strings.TrimPrefix(rest, f+"."), n.offset(v.offsets[i]), d.quiet || ofPeer)
		}
	}
	return v, ok
}

// read decodes a scalar by one of the parsers and checks it.
func read[V any](d *decoder, n *node, what string, parse func(string) (V, *flaw), check func(V) *flaw) (out V) {
	v, ok := d.scalar(n, what)
	if !ok {
		return out
	}
	return checked(d, v, func(v value) (V, *flaw) { return parse(v.text()) }, check)
}

// compute is read for what may be computed.
func compute[V any](d *decoder, n *node, what string, parse func(value) (V, *flaw), check func(V) *flaw) (out V) {
	v, ok := d.scalar(n, what)
	if !ok {
		return out
	}
	return checked(d, v, parse, check)
}

func checked[V any](d *decoder, v value, parse func(value) (V, *flaw), check func(V) *flaw) (out V) {
	got, f := parse(v)
	if f == nil && check != nil {
		f = check(got)
	}
	if f != nil {
		d.bad(v, f)
		return out
	}
	return got
}

func between[V float64 | int | time.Duration](what string, lowest, highest V, show func(V) string) func(V) *flaw {
	return func(v V) *flaw {
		if v < lowest || v > highest {
			return &flaw{fmt.Sprintf("%s is out of range: %s", what, show(v)), fmt.Sprintf("write %s to %s", show(lowest), show(highest))}
		}
		return nil
	}
}

func (d *decoder) duration(n *node, what string, lowest, highest time.Duration) time.Duration {
	return compute(d, n, what, durationValue, between(what, lowest, highest, formatDuration))
}

func (d *decoder) count(n *node, what string, lowest, highest int) int {
	return compute(d, n, what, countValue, between(what, lowest, highest, formatCount))
}

func (d *decoder) rate(n *node, what string, highest float64) float64 {
	return compute(d, n, what, rateValue, func(v float64) *flaw {
		if v <= 0 {
			return &flaw{what + " must be more than 0", "write a rate such as 10/s, or remove the stream"}
		}
		if v > highest {
			return &flaw{fmt.Sprintf("%s is out of range: %s/s", what, trimmed(v)), fmt.Sprintf("write at most %s/s", trimmed(highest))}
		}
		return nil
	})
}

func (d *decoder) size(n *node, lowest, highest int) int {
	return int(compute(d, n, "size", sizeValue, between("size", float64(lowest), float64(highest), FormatSize)))
}

// share reads a percentage of at most 100 %.
func (d *decoder) share(n *node, what string) float64 {
	return read(d, n, what, parsePercent, func(v float64) *flaw {
		if v > 1 {
			return &flaw{what + " goes over 100%", "write 0% to 100%"}
		}
		return nil
	})
}

func (d *decoder) bool(n *node, what string) bool { return read(d, n, what, parseBool, nil) }

func (d *decoder) string(n *node, what string, check func(string) *flaw) string {
	return read(d, n, what, func(s string) (string, *flaw) { return s, nil }, check)
}

// oneOf reads a word of a list.
func (d *decoder) oneOf(n *node, what string, words []string) string {
	return d.string(n, what, func(s string) *flaw { return checkWord(s, what, words) })
}

func checkWord(s, what string, words []string) *flaw {
	switch {
	case slices.Contains(words, s):
		return nil
	case s == "":
		return &flaw{what + " is empty", "write one of " + strings.Join(words, ", ")}
	}
	hint := "write one of " + strings.Join(words, ", ")
	if near := Suggest(s, words); near != "" {
		hint = fmt.Sprintf("did you mean `%s`?", near)
		if len(words) <= 8 {
			hint += " Known are " + strings.Join(words, ", ")
		}
	}
	return &flaw{fmt.Sprintf("unknown %s %q", what, clip(s)), hint}
}

// strings reads a list of scalars; a single scalar is a list of one.
func (d *decoder) strings(n *node, what string, check func(string) *flaw) []string {
	items := []*node{n}
	if n.kind != scalar {
		if !d.isList(n, what) {
			return nil
		}
		items = n.items
	}
	var out []string
	for _, item := range items {
		s := d.string(item, what, check)
		if s != "" && slices.Contains(out, s) {
			d.errs.add(item.at, fmt.Sprintf("%s names %q twice", what, clip(s)), "remove one")
		}
		out = append(out, s)
	}
	return out
}

func formatDuration(v time.Duration) string {
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return strings.ReplaceAll(s, "µ", "u")
}

func formatCount(v int) string {
	switch {
	case v >= 1e6 && v%1e6 == 0:
		return fmt.Sprintf("%dM", v/1e6)
	case v >= 1e4 && v%1e3 == 0:
		return fmt.Sprintf("%dk", v/1e3)
	}
	return fmt.Sprint(v)
}
