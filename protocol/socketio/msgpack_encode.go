package socketio

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// msgpackEncoder writes values as MessagePack. It is the encoder of JSON with
// another pen: the same fields under the same names, the same interfaces.
type msgpackEncoder struct {
	dst   []byte
	depth int
}

// value writes the types that arguments commonly have without reflection.
func (e *msgpackEncoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.null()
	case string:
		e.dst = appendMsgpackString(e.dst, v)
	case bool:
		e.dst = appendMsgpackBool(e.dst, v)
	case int:
		e.dst = appendMsgpackInt(e.dst, int64(v))
	case int64:
		e.dst = appendMsgpackInt(e.dst, v)
	case int32:
		e.dst = appendMsgpackInt(e.dst, int64(v))
	case uint:
		e.dst = appendMsgpackUint(e.dst, uint64(v))
	case uint64:
		e.dst = appendMsgpackUint(e.dst, v)
	case uint32:
		e.dst = appendMsgpackUint(e.dst, uint64(v))
	case float64:
		e.dst = appendMsgpackFloat(e.dst, v)
	case []byte:
		e.dst = appendMsgpackBytes(e.dst, v)
	case time.Time:
		e.dst = appendMsgpackDate(e.dst, v)
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

func (e *msgpackEncoder) null() { e.dst = append(e.dst, 0xc0) }

func (e *msgpackEncoder) raw(b json.RawMessage) error {
	if len(b) == 0 {
		e.null()
		return nil
	}
	if !validJSON(b) {
		return errRawJSON
	}
	e.dst = appendTranscoded(e.dst, b)
	return nil
}

func (e *msgpackEncoder) enter() error {
	if e.depth++; e.depth > encodeDepth {
		return errCycle
	}
	return nil
}

func (e *msgpackEncoder) slice(list []any) error {
	if list == nil {
		e.null()
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.dst = appendMsgpackArray(e.dst, len(list))
	for _, v := range list {
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *msgpackEncoder) object(m map[string]any) error {
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
	e.dst = appendMsgpackMap(e.dst, len(m))
	for _, k := range keys {
		e.dst = appendMsgpackString(e.dst, k)
		if err := e.value(m[k]); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

var timeType = reflect.TypeFor[time.Time]()

// reflect writes a value of any type.
func (e *msgpackEncoder) reflect(v reflect.Value) error {
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		e.null()
		return nil
	}
	if v.Kind() == reflect.Pointer && v.Type().Elem() == timeType {
		v = v.Elem()
	}
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		e.dst = appendMsgpackDate(e.dst, t)
		return nil
	}
	if done, err := e.marshaler(v); done {
		return err
	}
	switch v.Kind() {
	case reflect.Bool:
		e.dst = appendMsgpackBool(e.dst, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.dst = appendMsgpackInt(e.dst, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.dst = appendMsgpackUint(e.dst, v.Uint())
	case reflect.Float32, reflect.Float64:
		e.dst = appendMsgpackFloat(e.dst, v.Float())
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
		return fmt.Errorf("type %s cannot be encoded as MessagePack", v.Type())
	}
	return nil
}

// string writes a value of kind string; json.Number is the one that is none.
func (e *msgpackEncoder) string(v reflect.Value) error {
	s := v.String()
	if v.Type() != numberType {
		e.dst = appendMsgpackString(e.dst, s)
		return nil
	}
	if s == "" {
		s = "0"
	}
	n := scanner{b: []byte(s)}
	if n.number(0) != len(s) {
		return fmt.Errorf("json.Number %q is not a number", s)
	}
	e.dst = appendMsgpackNumber(e.dst, []byte(s))
	return nil
}

// container writes a struct, map, slice or array.
func (e *msgpackEncoder) container(v reflect.Value) error {
	kind := v.Kind()
	if kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		e.dst = appendMsgpackBytes(e.dst, v.Bytes())
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
		e.dst = appendMsgpackArray(e.dst, v.Len())
		for i := 0; i < v.Len() && err == nil; i++ {
			err = e.reflect(v.Index(i))
		}
	}
	e.depth--
	return err
}

func (e *msgpackEncoder) mapping(v reflect.Value) error {
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
	e.dst = appendMsgpackMap(e.dst, len(members))
	for _, m := range members {
		e.dst = appendMsgpackString(e.dst, m.key)
		if err := e.reflect(m.value); err != nil {
			return err
		}
	}
	return nil
}

// structure writes the fields that are not left out; how many these are has to
// stand before them.
func (e *msgpackEncoder) structure(v reflect.Value) error {
	fields := fieldsOf(v.Type())
	n := 0
	for i := range fields {
		f := &fields[i]
		if !f.omitEmpty && !f.omitZero && len(f.index) == 1 { // it cannot be left out
			n++
		} else if value, ok := f.get(v); ok && !f.omit(value) {
			n++
		}
	}
	e.dst = appendMsgpackMap(e.dst, n)
	for i := range fields {
		f := &fields[i]
		value, ok := f.get(v)
		if !ok || f.omit(value) {
			continue
		}
		if n--; n < 0 {
			break
		}
		e.dst = append(e.dst, f.packedName...)
		if err := e.field(f, value); err != nil {
			return err
		}
	}
	if n != 0 {
		return errUnsteady
	}
	return nil
}

var errUnsteady = errors.New("struct changed while it was encoded")

// field writes the value of a field, as a JSON string if the tag asks for it.
func (e *msgpackEncoder) field(f *field, v reflect.Value) error {
	if !f.quoted || v.Kind() == reflect.Pointer && v.IsNil() {
		return e.reflect(v)
	}
	inner := encoder{}
	if err := inner.reflect(v); err != nil {
		return err
	}
	e.dst = appendMsgpackText(e.dst, inner.dst)
	return nil
}

// marshaler lets a value encode itself if its type can.
func (e *msgpackEncoder) marshaler(v reflect.Value) (done bool, err error) {
	m := marshalingOf(v.Type())
	if m == marshalsAddrJSON || m == marshalsAddrText {
		if !v.CanAddr() {
			return false, nil
		}
		v = v.Addr()
	}
	switch m {
	case marshalsNot:
		return false, nil
	case marshalsRaw:
		return true, e.raw(v.Bytes())
	case marshalsJSON, marshalsAddrJSON:
		b, err := v.Interface().(json.Marshaler).MarshalJSON()
		if err == nil && !validJSON(b) {
			err = errors.New("the result is not valid JSON")
		}
		if err != nil {
			return true, fmt.Errorf("MarshalJSON of %s: %w", v.Type(), err)
		}
		e.dst = appendTranscoded(e.dst, b)
	default:
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return true, fmt.Errorf("MarshalText of %s: %w", v.Type(), err)
		}
		e.dst = appendMsgpackString(e.dst, string(b))
	}
	return true, nil
}
