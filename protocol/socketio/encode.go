package socketio

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// AppendArgs appends args to dst as elements of a JSON array, separated by commas, and returns the
// extended slice. The brackets are the caller's; a comma is put before the first element too,
// unless dst is empty or ends with the opening bracket.
//
// A []byte, wherever it stands (as an argument, in a slice or map, in a field of a struct), is
// binary: it is appended to attachments as it is, not copied, and a placeholder takes its place.
// They are numbered from len(attachments) on, depth first; struct fields have their order of
// declaration, keys of a map are sorted. A nil []byte is null, like every other nil.
//
// All else is encoded by the rules of encoding/json, tags and the Marshaler interfaces included,
// but written as JSON.stringify writes it: < > & are not escaped, -0 is 0, NaN and the infinities
// are null. json.RawMessage and the output of a Marshaler are checked and then written as they are.
// Strings, booleans, numbers, nil, []byte and json.RawMessage cost no allocation.
//
// A value that cannot be encoded (a channel, a function, a value that contains itself) is an error
// that names the argument, counted from 1. Both slices are then returned as they were.
func AppendArgs(dst []byte, attachments [][]byte, args ...any) ([]byte, [][]byte, error) {
	e := encoder{dst: dst, attachments: attachments}
	for i, arg := range args {
		if n := len(e.dst); n > 0 && e.dst[n-1] != '[' {
			e.dst = append(e.dst, ',')
		}
		if err := e.value(arg); err != nil {
			return dst, attachments, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return e.dst, e.attachments, nil
}

// encodeDepth is where the encoder takes a value for one that contains itself.
const encodeDepth = 1000

var (
	errCycle   = errors.New("value is nested deeper than 1000 levels; does it contain itself?")
	errRawJSON = errors.New("json.RawMessage is not valid JSON")
)

// encoder writes values, as JSON that puts binary aside or, if packed, as MessagePack. This file
// walks the values, the same way for both; what each format writes for them is in encode_leaf.go.
type encoder struct {
	dst         []byte
	attachments [][]byte // of JSON
	depth       int
	packed      bool
}

// value writes the types that arguments commonly have without reflection.
func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.null()
	case string:
		e.text(v)
	case bool:
		e.boolean(v)
	case int:
		e.int(int64(v))
	case int64:
		e.int(v)
	case int32:
		e.int(int64(v))
	case uint:
		e.uint(uint64(v))
	case uint64:
		e.uint(v)
	case uint32:
		e.uint(uint64(v))
	case float64:
		e.float(v, 64)
	case []byte:
		e.binary(v)
	case json.RawMessage:
		return e.raw(v)
	case []any:
		return e.slice(v)
	case map[string]any:
		return e.object(v)
	default:
		return e.reflect(reflect.ValueOf(v))
	}
	return nil
}

func (e *encoder) enter() error {
	if e.depth++; e.depth > encodeDepth {
		return errCycle
	}
	return nil
}

func (e *encoder) slice(list []any) error {
	if list == nil {
		e.null()
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.openArray(len(list))
	for i, v := range list {
		e.separate(i)
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.closeArray()
	e.depth--
	return nil
}

func (e *encoder) object(m map[string]any) error {
	if m == nil {
		e.null()
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.openMap(len(m))
	for i, k := range keys {
		e.separate(i)
		e.key(k)
		if err := e.value(m[k]); err != nil {
			return err
		}
	}
	e.closeMap()
	e.depth--
	return nil
}

var timeType = reflect.TypeFor[time.Time]()

// reflect writes a value of any type.
func (e *encoder) reflect(v reflect.Value) error {
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		e.null()
		return nil
	}
	if done, err := e.marshaler(v); done {
		return err
	}
	switch v.Kind() {
	case reflect.Bool:
		e.boolean(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		e.float(v.Float(), v.Type().Bits())
	case reflect.String:
		return e.string(v)
	case reflect.Pointer, reflect.Interface:
		if err := e.enter(); err != nil {
			return err
		}
		err := e.reflect(v.Elem())
		e.depth--
		return err
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
		return e.container(v)
	default:
		return fmt.Errorf("type %s cannot be encoded as %s", v.Type(), e.format())
	}
	return nil
}

var numberType = reflect.TypeFor[json.Number]()

// string writes a value of kind string; json.Number is the one that is none.
func (e *encoder) string(v reflect.Value) error {
	s := v.String()
	if v.Type() != numberType {
		e.text(s)
		return nil
	}
	if s == "" {
		s = "0"
	}
	n := scanner{b: []byte(s)}
	if n.number(0) != len(s) {
		return fmt.Errorf("json.Number %q is not a number", s)
	}
	e.number(s)
	return nil
}

// container writes a struct, map, slice or array.
func (e *encoder) container(v reflect.Value) error {
	kind := v.Kind()
	if kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		e.binary(v.Bytes())
		return nil
	}
	if (kind == reflect.Slice || kind == reflect.Map) && v.IsNil() {
		e.null()
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	var err error
	switch kind {
	case reflect.Struct:
		err = e.structure(v)
	case reflect.Map:
		err = e.mapping(v)
	default:
		err = e.list(v)
	}
	e.depth--
	return err
}

func (e *encoder) list(v reflect.Value) error {
	e.openArray(v.Len())
	for i := range v.Len() {
		e.separate(i)
		if err := e.reflect(v.Index(i)); err != nil {
			return err
		}
	}
	e.closeArray()
	return nil
}

func (e *encoder) mapping(v reflect.Value) error {
	type member struct {
		key   string
		value reflect.Value
	}
	members := make([]member, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := e.keyString(it.Key())
		if err != nil {
			return err
		}
		members = append(members, member{key, it.Value()})
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	e.openMap(len(members))
	for i, m := range members {
		e.separate(i)
		e.key(m.key)
		if err := e.reflect(m.value); err != nil {
			return err
		}
	}
	e.closeMap()
	return nil
}

// keyString gives the key of a map the text that encoding/json gives it.
func (e *encoder) keyString(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if t, ok := reflect.TypeAssert[encoding.TextMarshaler](k); ok {
		if k.Kind() == reflect.Pointer && k.IsNil() {
			return "", nil
		}
		b, err := t.MarshalText()
		return string(b), err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", fmt.Errorf("map key of type %s cannot be encoded as %s", k.Type(), e.format())
}

var errStructChanged = errors.New("struct changed while it was encoded")

// structure writes the fields that are not left out.
func (e *encoder) structure(v reflect.Value) error {
	fields := fieldsOf(v.Type())
	n := len(fields)
	if e.packed { // how many they are has to stand before them
		n = countKept(fields, v)
	}
	e.openMap(n)
	written := 0
	for i := range fields {
		f := &fields[i]
		value, ok := f.get(v)
		if !ok || f.omit(value) {
			continue
		}
		e.separate(written)
		if written++; written > n {
			return errStructChanged
		}
		e.fieldName(f)
		if err := e.field(f, value); err != nil {
			return err
		}
	}
	if e.packed && written != n {
		return errStructChanged
	}
	e.closeMap()
	return nil
}

// countKept counts the fields of struct v that are not left out.
func countKept(fields []field, v reflect.Value) (n int) {
	for i := range fields {
		f := &fields[i]
		if !f.omitEmpty && !f.omitZero && len(f.index) == 1 { // it cannot be left out
			n++
		} else if value, ok := f.get(v); ok && !f.omit(value) {
			n++
		}
	}
	return n
}

// field writes the value of a field, as a JSON string if the tag asks for it.
func (e *encoder) field(f *field, v reflect.Value) error {
	if !f.quoted || v.Kind() == reflect.Pointer && v.IsNil() {
		return e.reflect(v)
	}
	inner := encoder{}
	if err := inner.reflect(v); err != nil {
		return err
	}
	e.text(string(inner.dst))
	return nil
}

// marshaler lets a value encode itself if its type can. A time is a type of its own in MessagePack
// only.
func (e *encoder) marshaler(v reflect.Value) (done bool, err error) {
	if e.packed {
		if v.Kind() == reflect.Pointer && v.Type().Elem() == timeType {
			v = v.Elem()
		}
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			e.dst = appendMsgpackDate(e.dst, t)
			return true, nil
		}
	}
	m := marshalingOf(v.Type())
	if m == marshalsAddrJSON || m == marshalsAddrText {
		if !v.CanAddr() {
			return false, nil
		}
		v = v.Addr()
	}
	var b []byte
	switch m {
	case marshalsNot:
		return false, nil
	case marshalsRaw:
		return true, e.raw(v.Bytes())
	case marshalsJSON, marshalsAddrJSON:
		b, err = v.Interface().(json.Marshaler).MarshalJSON()
		if err == nil && !validJSON(b) {
			err = errors.New("the result is not valid JSON")
		}
		if err != nil {
			return true, fmt.Errorf("MarshalJSON of %s: %w", v.Type(), err)
		}
		e.json(b)
	default:
		b, err = v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return true, fmt.Errorf("MarshalText of %s: %w", v.Type(), err)
		}
		e.text(string(b))
	}
	return true, nil
}
