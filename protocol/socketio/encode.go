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
)

// AppendArgs appends args to dst as elements of a JSON array, separated by
// commas, and returns the extended slice. The brackets are the caller's; a comma
// is put before the first element too, unless dst is empty or ends with the
// opening bracket.
//
// A []byte, wherever it stands (as an argument, in a slice or map, in a field
// of a struct), is binary: it is appended to attachments as it is, not copied,
// and a placeholder takes its place. They are numbered from len(attachments) on,
// depth first; struct fields have their order of declaration, keys of a map are
// sorted. A nil []byte is null, like every other nil.
//
// All else is encoded by the rules of encoding/json, tags and the Marshaler
// interfaces included, but written as JSON.stringify writes it: < > & are not
// escaped, -0 is 0, NaN and the infinities are null. json.RawMessage and the
// output of a Marshaler are checked and then written as they are. Strings,
// booleans, numbers, nil, []byte and json.RawMessage cost no allocation.
//
// What cannot be encoded (a channel, a function, a value that contains itself)
// is an error that names the argument, counted from 1. Both slices are then
// returned as they were.
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

// encoder writes values as JSON and puts binary aside.
type encoder struct {
	dst         []byte
	attachments [][]byte
	depth       int
}

// value writes the types that arguments commonly have without reflection.
func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.null()
	case string:
		e.dst = AppendString(e.dst, v)
	case bool:
		e.dst = strconv.AppendBool(e.dst, v)
	case int:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case int64:
		e.dst = strconv.AppendInt(e.dst, v, 10)
	case int32:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case uint:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case uint64:
		e.dst = strconv.AppendUint(e.dst, v, 10)
	case uint32:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case float64:
		e.dst = appendFloat(e.dst, v, 64)
	case []byte:
		e.attach(v)
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

func (e *encoder) null() { e.dst = append(e.dst, "null"...) }

// attach puts b aside and writes the placeholder for it.
func (e *encoder) attach(b []byte) {
	if b == nil {
		e.null()
		return
	}
	e.dst = append(e.dst, `{"_placeholder":true,"num":`...)
	e.dst = strconv.AppendInt(e.dst, int64(len(e.attachments)), 10)
	e.dst = append(e.dst, '}')
	e.attachments = append(e.attachments, b)
}

func (e *encoder) raw(b json.RawMessage) error {
	if len(b) == 0 {
		e.null()
		return nil
	}
	if !validJSON(b) {
		return errRawJSON
	}
	e.dst = append(e.dst, b...)
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
	e.dst = append(e.dst, '[')
	for i, v := range list {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, ']')
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
	e.dst = append(e.dst, '{')
	for i, k := range keys {
		e.key(i, k)
		if err := e.value(m[k]); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	e.depth--
	return nil
}

// key writes the key of member i and what stands around it.
func (e *encoder) key(i int, k string) {
	if i > 0 {
		e.dst = append(e.dst, ',')
	}
	e.dst = append(AppendString(e.dst, k), ':')
}

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
		e.dst = strconv.AppendBool(e.dst, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.dst = strconv.AppendInt(e.dst, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.dst = strconv.AppendUint(e.dst, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		e.dst = appendFloat(e.dst, v.Float(), v.Type().Bits())
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
		return fmt.Errorf("type %s cannot be encoded as JSON", v.Type())
	}
	return nil
}

var numberType = reflect.TypeFor[json.Number]()

// string writes a value of kind string; json.Number is the one that is none.
func (e *encoder) string(v reflect.Value) error {
	s := v.String()
	if v.Type() != numberType {
		e.dst = AppendString(e.dst, s)
		return nil
	}
	if s == "" {
		s = "0"
	}
	n := scanner{b: []byte(s)}
	if n.number(0) != len(s) {
		return fmt.Errorf("json.Number %q is not a number", s)
	}
	e.dst = append(e.dst, s...)
	return nil
}

// container writes a struct, map, slice or array.
func (e *encoder) container(v reflect.Value) error {
	kind := v.Kind()
	if kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		e.attach(v.Bytes())
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
	e.dst = append(e.dst, '[')
	for i := range v.Len() {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.reflect(v.Index(i)); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, ']')
	return nil
}

func (e *encoder) mapping(v reflect.Value) error {
	type member struct {
		key   string
		value reflect.Value
	}
	members := make([]member, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := keyString(it.Key())
		if err != nil {
			return err
		}
		members = append(members, member{key, it.Value()})
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	e.dst = append(e.dst, '{')
	for i, m := range members {
		e.key(i, m.key)
		if err := e.reflect(m.value); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	return nil
}

// keyString gives the key of a map the text that encoding/json gives it.
func keyString(k reflect.Value) (string, error) {
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
	return "", fmt.Errorf("map key of type %s cannot be encoded as JSON", k.Type())
}

func (e *encoder) structure(v reflect.Value) error {
	e.dst = append(e.dst, '{')
	start := len(e.dst)
	fields := fieldsOf(v.Type())
	for i := range fields {
		f := &fields[i]
		value, ok := f.get(v)
		if !ok || f.omit(value) {
			continue
		}
		if len(e.dst) > start {
			e.dst = append(e.dst, ',')
		}
		e.dst = append(e.dst, f.encodedName...)
		if err := e.field(f, value); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	return nil
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
	e.dst = AppendString(e.dst, string(inner.dst))
	return nil
}

// marshaler lets a value encode itself if its type can.
func (e *encoder) marshaler(v reflect.Value) (done bool, err error) {
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
		e.dst = append(e.dst, b...)
	default:
		b, err = v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return true, fmt.Errorf("MarshalText of %s: %w", v.Type(), err)
		}
		e.dst = AppendString(e.dst, string(b))
	}
	return true, nil
}
