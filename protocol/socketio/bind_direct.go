package socketio

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"sync"
)

// directDecoder decodes JSON into the kinds of variables that handlers usually have: any, scalars,
// and structs, slices, arrays and maps of them. It takes a fraction of encoding/json's time for the
// few hundred bytes of an event.
//
// The results are those of encoding/json. Where its rules are particular (a type that decodes
// itself, bytes in base64, the tag option "string"), and for every error, a method reports false,
// and encoding/json decodes the whole value anew: it writes over what has been written.
type directDecoder struct {
	b []byte
}

// bindDirect decodes the value b into the variable v, or reports false.
//
// Arguments of a Packet have been checked, but Bind is given others, too. The scanner is fast
// enough to check all once more.
func bindDirect(b []byte, v reflect.Value) bool {
	if !validJSON(b) {
		return false
	}
	d := directDecoder{b: b}
	_, ok := d.value(skipSpace(b, 0), v)
	return ok
}

// value decodes the value at i into v and returns the position behind it.
func (d *directDecoder) value(i int, v reflect.Value) (end int, ok bool) {
	if d.b[i] == 'n' {
		return d.null(i, v)
	}
	for v.Kind() == reflect.Pointer {
		if decodesItself(v.Type()) {
			return i, false
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if decodesItself(v.Type()) {
		return i, false
	}
	if v.Kind() == reflect.Interface {
		// What an interface points to is decoded into.
		if v.NumMethod() > 0 || v.Elem().Kind() == reflect.Pointer {
			return i, false
		}
		x, end, ok := d.dynamic(i)
		if ok {
			v.Set(reflect.ValueOf(x))
		}
		return end, ok
	}
	switch d.b[i] {
	case '"':
		raw, end := d.text(i)
		if v.Kind() != reflect.String {
			return i, false
		}
		v.SetString(unquoted(raw))
		return end, true
	case '{':
		if v.Kind() == reflect.Map {
			return d.mapping(i, v)
		}
		return d.structure(i, v)
	case '[':
		return d.list(i, v)
	}
	return d.scalar(i, v)
}

// null is nothing to variables that cannot be nil.
func (d *directDecoder) null(i int, v reflect.Value) (end int, ok bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if decodesItself(v.Type()) {
			return i, false
		}
		v.SetZero()
	case reflect.Interface:
		if v.Elem().Kind() == reflect.Pointer {
			return i, false
		}
		v.SetZero()
	default:
		if decodesItself(v.Type()) {
			return i, false
		}
	}
	return skipValue(d.b, i), true
}

// text returns the raw string at i, without quotes.
func (d *directDecoder) text(i int) (raw []byte, end int) {
	end = skipString(d.b, i+1)
	return d.b[i+1 : max(i+1, end-1)], end
}

// scalar decodes a number or a boolean.
func (d *directDecoder) scalar(i int, v reflect.Value) (end int, ok bool) {
	end = skipValue(d.b, i)
	raw := d.b[i:end]
	if raw[0] == 't' || raw[0] == 'f' {
		if v.Kind() != reflect.Bool {
			return end, false
		}
		v.SetBool(raw[0] == 't')
		return end, true
	}
	switch {
	case v.CanInt():
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || v.OverflowInt(n) {
			return end, false
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(string(raw), 10, 64)
		if err != nil || v.OverflowUint(n) {
			return end, false
		}
		v.SetUint(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(string(raw), v.Type().Bits())
		if err != nil || v.OverflowFloat(f) {
			return end, false
		}
		v.SetFloat(f)
	default:
		return end, false
	}
	return end, true
}

// list decodes an array.
func (d *directDecoder) list(i int, v reflect.Value) (end int, ok bool) {
	isSlice := v.Kind() == reflect.Slice
	if !isSlice && v.Kind() != reflect.Array {
		return i, false
	}
	n := 0
	e := elements{b: d.b, i: i + 1}
	for ; e.next(); n++ {
		if isSlice {
			if n >= v.Cap() {
				v.Grow(1)
			}
			if n >= v.Len() {
				v.SetLen(n + 1)
			}
		}
		if n >= v.Len() { // an array of fixed size is full
			e.i = skipValue(d.b, e.i)
			continue
		}
		if e.i, ok = d.value(e.i, v.Index(n)); !ok {
			return i, false
		}
	}
	switch {
	case isSlice && n == 0:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case isSlice:
		v.SetLen(n)
	default:
		for ; n < v.Len(); n++ {
			v.Index(n).SetZero()
		}
	}
	return e.i, true
}

// mapping decodes an object into a map.
func (d *directDecoder) mapping(i int, v reflect.Value) (end int, ok bool) {
	t := v.Type()
	key := t.Key()
	if key.Kind() != reflect.String || decodesItself(key) {
		return i, false
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(t))
	}
	m := members{b: d.b, i: i + 1}
	for m.next() {
		value := reflect.New(t.Elem()).Elem()
		k := unquoted(m.key)
		if m.i, ok = d.value(m.i, value); !ok {
			return i, false
		}
		v.SetMapIndex(reflect.ValueOf(k).Convert(key), value)
	}
	return m.i, true
}

// structure decodes an object into a struct.
func (d *directDecoder) structure(i int, v reflect.Value) (end int, ok bool) {
	if v.Kind() != reflect.Struct {
		return i, false
	}
	fields := fieldsOf(v.Type())
	m := members{b: d.b, i: i + 1}
	for m.next() {
		f := fieldAt(fields, m.key)
		if f == nil {
			m.i = skipValue(d.b, m.i)
			continue
		}
		to, err := f.settable(v)
		if err != nil || f.quoted {
			return i, false
		}
		if m.i, ok = d.value(m.i, to); !ok {
			return i, false
		}
	}
	return m.i, true
}

// fieldAt finds a field by the raw key of an object.
func fieldAt(fields []field, key []byte) *field {
	if bytes.IndexByte(key, '\\') >= 0 {
		key = appendUnquoted(nil, key)
	}
	return findField(fields, key)
}

// dynamic decodes the value at i for a variable of type any.
func (d *directDecoder) dynamic(i int) (x any, end int, ok bool) {
	switch d.b[i] {
	case '"':
		raw, end := d.text(i)
		return unquoted(raw), end, true
	case '{':
		object := map[string]any{}
		m := members{b: d.b, i: i + 1}
		for m.next() {
			k := unquoted(m.key)
			if x, m.i, ok = d.dynamic(m.i); !ok {
				return nil, i, false
			}
			object[k] = x
		}
		return object, m.i, true
	case '[':
		list := []any{}
		e := elements{b: d.b, i: i + 1}
		for e.next() {
			if x, e.i, ok = d.dynamic(e.i); !ok {
				return nil, i, false
			}
			list = append(list, x)
		}
		return list, e.i, true
	}
	end = skipValue(d.b, i)
	switch d.b[i] {
	case 'n':
		return nil, end, true
	case 't', 'f':
		return d.b[i] == 't', end, true
	}
	f, err := strconv.ParseFloat(string(d.b[i:end]), 64)
	return f, end, err == nil
}

var (
	decodingCache   sync.Map // of reflect.Type to bool
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decodesItself reports whether encoding/json treats a type by other rules than those of its kind.
func decodesItself(t reflect.Type) bool {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct {
		return false // only an unnamed struct has methods: of what it embeds
	}
	if own, ok := decodingCache.Load(t); ok {
		return own.(bool)
	}
	addr := reflect.PointerTo(t)
	own := t == numberType || addr.Implements(jsonUnmarshaler) || addr.Implements(textUnmarshaler) ||
		t.Implements(jsonUnmarshaler) || t.Implements(textUnmarshaler)
	decodingCache.Store(t, own)
	return own
}
