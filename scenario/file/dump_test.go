package file

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// dump writes a file for a golden: one fact per line, and only the fields of each object that
// differ from the defaults. So a new key changes only the goldens of files that use it.
func dump(f *File) string {
	w := &dumper{defaults: map[reflect.Type]reflect.Value{}}
	for _, v := range []any{
		groupTable.start(), connectTable.start(), streamTable.start(), roomsTable.start(), peersTable.start(), reconnectTable.start(), readTable.start(), httpTable.start(),
		expectTable.start(), reactionTable.start(), feederTable.start(), serverTable.start(), targetTable.start(), sampleTable.start(), phaseTable.start(),
		Spec{Version: 1, Seed: 1, Server: new(serverTable.start()), Report: reportTable.start(), Valid: defaultValid(f.Spec), Phases: defaultPhases(f.Spec)},
		File{Repeat: 1, Order: "interleaved"},
	} {
		w.defaults[reflect.TypeOf(v)] = reflect.ValueOf(v)
	}
	for _, c := range f.Cells() {
		fmt.Fprintf(&w.b, "cell %v trial %d: %+v\n", c.Spec.Params, c.Trial, c.Spec.Plan())
	}
	g := *f
	g.Name, g.LeftOut = "", nil // how it was read, not what it is
	w.value("", reflect.ValueOf(g), reflect.Value{})
	return w.b.String()
}

type dumper struct {
	b        strings.Builder
	defaults map[reflect.Type]reflect.Value
}

// value writes what of v differs from the default; invalid: from the one of its type, or from
// nothing. A struct has a line of its own, with the structs in it below.
func (w *dumper) value(path string, v, def reflect.Value) {
	if of, ok := w.defaults[v.Type()]; ok {
		def = of
	} else if !def.IsValid() {
		def = reflect.Zero(v.Type())
	}
	var facts []string
	below := func() {}
	for i := range v.NumField() {
		field, name, was := v.Field(i), v.Type().Field(i).Name, def.Field(i)
		if !v.Type().Field(i).IsExported() || name == "Set" || name == "Line" || name == "Col" || name == "Operation" || same(field, was) {
			continue
		}
		if text, ok := fact(field); ok {
			facts = append(facts, name+"="+text)
			continue
		}
		before, at := below, path
		below = func() {
			before()
			w.inner(at+"."+name, field, was)
		}
	}
	if path = strings.TrimPrefix(strings.TrimPrefix(path, ".Spec"), "."); path == "" {
		path = map[bool]string{true: "scenario", false: "file"}[v.Type() == reflect.TypeFor[Spec]()]
	}
	fmt.Fprintln(&w.b, strings.TrimSpace(path+": "+strings.Join(facts, " ")))
	below()
}

// same reports whether two values are alike; an empty list is none.
func same(a, b reflect.Value) bool {
	return a.Kind() == reflect.Slice && a.Len()+b.Len() == 0 || reflect.DeepEqual(a.Interface(), b.Interface())
}

// inner writes the structs behind a pointer or in a list, or one in another.
func (w *dumper) inner(path string, v, def reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			fmt.Fprintln(&w.b, strings.TrimPrefix(path, ".Spec.")+": none")
			return
		}
		w.value(path, v.Elem(), reflect.Value{})
	case reflect.Slice:
		for i := range v.Len() {
			w.value(fmt.Sprintf("%s[%d]", path, i), v.Index(i), reflect.Value{})
		}
	default:
		w.value(path, v, def)
	}
}

// fact formats a value in a word or two; ok is false for values that contain structs.
func fact(v reflect.Value) (text string, ok bool) {
	switch x := v.Interface().(type) {
	case Template:
		return string(x.Append(nil, seventeen)), true
	case *Template:
		return string(x.Append(nil, seventeen)), true
	case Dist:
		return x.Text, true
	case Path:
		return x.Text, true
	case *Path:
		return x.Text, true
	case Audience:
		return strconv.Quote(describeAudience(x)), true
	case Ramp:
		return fmt.Sprintf("%g..%g", x.From, x.To), true
	case time.Duration:
		return formatDuration(x), true
	case []Share:
		return fmt.Sprint(x), true
	case []ColumnUse:
		var out []string
		for _, u := range x {
			out = append(out, u.Group+"/"+u.Column)
		}
		return strings.Join(out, ","), true
	case *bool:
		return fmt.Sprint(*x), true
	case string:
		return fmt.Sprintf("%q", x), true
	}
	of := v.Type()
	if k := of.Kind(); k == reflect.Pointer || k == reflect.Slice {
		of = of.Elem()
	}
	return fmt.Sprint(v.Interface()), of.Kind() != reflect.Struct
}

// describeAudience is an audience in the words that apply to it.
func describeAudience(a Audience) string {
	words := []string{a.Kind}
	for _, w := range []string{a.Name, a.Namespace} {
		if w != "" {
			words = append(words, w)
		}
	}
	for _, w := range []struct {
		is   bool
		word string
	}{{a.Others, "others"}, {a.Own, "own"}, {a.AlsoOwn, "also own"}, {len(a.Groups) > 0, fmt.Sprint(a.Groups)}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

// seventeen fills the templates of a golden: the client's index is 17, everything else its name.
func seventeen(dst []byte, h Hole) []byte {
	if h.Name == HoleClient {
		return append(dst, "17"...)
	}
	return fmt.Appendf(dst, "<%s %d>", h.Name, h.Form)
}
