package socketio

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// field is one member of a struct's JSON object, found by the rules of encoding/json: tags,
// embedding, and which of several equal names wins.
type field struct {
	name        string
	encodedName []byte // with quotes and colon
	packedName  []byte // as MessagePack
	index       []int  // path to the field, through embedded structs
	tagged      bool
	quoted      bool // tag option "string"
	omitEmpty   bool
	omitZero    bool
}

var fieldCache sync.Map // of reflect.Type to []field

// fieldsOf returns the fields of struct type t in the order they are written.
func fieldsOf(t reflect.Type) []field {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]field)
	}
	f, _ := fieldCache.LoadOrStore(t, dominant(collectFields(t, nil, nil)))
	return f.([]field)
}

// collectFields lists all candidates of t: its own fields, and the fields of embedded structs
// without a name in their tag. path holds the structs that t is embedded in, and index where.
func collectFields(t reflect.Type, path []reflect.Type, index []int) (fields []field) {
	if slices.Contains(path, t) { // embeds itself through a pointer
		return nil
	}
	path = append(slices.Clip(path), t)
	for i := range t.NumField() {
		sf := t.Field(i)
		embedded := sf.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		isStruct := sf.Anonymous && embedded.Kind() == reflect.Struct
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() && !isStruct {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !validName(name) {
			name = ""
		}
		at := append(slices.Clip(index), i)
		if isStruct && name == "" {
			fields = append(fields, collectFields(embedded, path, at)...)
			continue
		}
		if !sf.IsExported() {
			continue
		}
		f := field{name: name, index: at, tagged: name != ""}
		if !f.tagged {
			f.name = sf.Name
		}
		for option := range strings.SplitSeq(options, ",") {
			f.omitEmpty = f.omitEmpty || option == "omitempty"
			f.omitZero = f.omitZero || option == "omitzero"
			f.quoted = f.quoted || option == "string" && isScalar(sf.Type)
		}
		f.packedName = appendMsgpackString(nil, f.name)
		f.encodedName = append(AppendString(nil, f.name), ':')
		fields = append(fields, f)
	}
	return fields
}

// dominant leaves one field for each name: the least deeply embedded, among of several at the same
// depth the tagged one, and none if that is still ambiguous.
func dominant(all []field) []field {
	slices.SortStableFunc(all, func(a, b field) int {
		if c := cmp.Compare(a.name, b.name); c != 0 {
			return c
		}
		if c := cmp.Compare(len(a.index), len(b.index)); c != 0 {
			return c
		}
		if a.tagged != b.tagged {
			if a.tagged {
				return -1
			}
			return 1
		}
		return 0
	})
	kept := make([]field, 0, len(all))
	for i, n := 0, 0; i < len(all); i = n {
		for n = i + 1; n < len(all) && all[n].name == all[i].name; n++ {
		}
		if n > i+1 && len(all[i+1].index) == len(all[i].index) && all[i+1].tagged == all[i].tagged {
			continue
		}
		kept = append(kept, all[i])
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept
}

// validName reports whether encoding/json takes the name in a tag.
func validName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return name != ""
}

// isScalar reports whether the tag option "string" applies to t.
func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	k := t.Kind()
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// get returns the field of struct v. It has none if an embedded pointer on the way is nil.
func (f *field) get(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// settable returns the field of struct v to decode into. It makes what embedded pointers on the way
// lack.
func (f *field) settable(v reflect.Value) (reflect.Value, error) {
	for n, i := range f.index {
		if n > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("embedded pointer to unexported %s is nil", v.Type().Elem())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, nil
}

func (f *field) omit(v reflect.Value) bool {
	if f.omitZero {
		if z, ok := reflect.TypeAssert[interface{ IsZero() bool }](v); ok {
			if v.Kind() == reflect.Pointer && v.IsNil() || z.IsZero() {
				return true
			}
		} else if v.IsZero() {
			return true
		}
	}
	if !f.omitEmpty {
		return false
	}
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// marshaling is how a type encodes itself.
type marshaling byte

const (
	marshalsNot marshaling = iota
	marshalsRaw            // json.RawMessage
	marshalsJSON
	marshalsText
	marshalsAddrJSON // the methods have a pointer receiver
	marshalsAddrText
)

var (
	marshalingCache sync.Map // of reflect.Type to marshaling
	rawType         = reflect.TypeFor[json.RawMessage]()
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
)

func marshalingOf(t reflect.Type) marshaling {
	if t.PkgPath() == "" && t.Kind() != reflect.Pointer && t.Kind() != reflect.Struct {
		return marshalsNot // a predeclared or unnamed type has no methods
	}
	if m, ok := marshalingCache.Load(t); ok {
		return m.(marshaling)
	}
	m := marshalsNot
	switch addr := reflect.PointerTo(t); {
	case t == rawType:
		m = marshalsRaw
	case t.Kind() == reflect.Interface:
		// the value inside decides
	case t.Implements(jsonMarshaler):
		m = marshalsJSON
	case t.Kind() != reflect.Pointer && addr.Implements(jsonMarshaler):
		m = marshalsAddrJSON
	case t.Implements(textMarshaler):
		m = marshalsText
	case t.Kind() != reflect.Pointer && addr.Implements(textMarshaler):
		m = marshalsAddrText
	}
	marshalingCache.Store(t, m)
	return m
}
