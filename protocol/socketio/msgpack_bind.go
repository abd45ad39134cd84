package socketio

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// bindMsgpack is Bind for a list of MessagePack values.
func bindMsgpack(args []byte, dst []any) error {
	for i, to := range dst {
		arg, rest := nextMsgpack(args)
		if arg == nil {
			return nil
		}
		args = rest
		if to == nil {
			continue
		}
		if err := bindMsgpackValue(arg, to); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

// bindMsgpackValue decodes a value into the variable that dst points to. The types that variables
// commonly have need no reflection.
func bindMsgpackValue(arg []byte, dst any) error {
	h := readMsgpack(arg, 0)
	switch p := dst.(type) {
	case *string:
		if p != nil && h.kind == msgpackString {
			*p = string(h.bytes(arg))
			return nil
		}
	case *int:
		if p != nil && h.kind == msgpackUint && h.n < 4 {
			*p = int(h.uint(arg))
			return nil
		}
	case *bool:
		if p != nil && (h.kind == msgpackTrue || h.kind == msgpackFalse) {
			*p = h.kind == msgpackTrue
			return nil
		}
	case *[]byte:
		if p != nil && h.kind == msgpackBytes {
			*p = fill(*p, h.bytes(arg))
			return nil
		}
	case *json.RawMessage:
		if p != nil {
			b, _, err := appendMsgpackValue((*p)[:0], arg, 0)
			if err == nil {
				*p = b
			}
			return err
		}
	}
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return notPointer(dst)
	}
	d := msgpackDecoder{b: arg}
	_, err := d.value(0, v.Elem())
	return err
}

// msgpackDecoder decodes a value that nextMsgpack has accepted. Its methods take the head of the
// value, or its position, and return the position behind it.
type msgpackDecoder struct {
	b []byte
}

// value decodes the value at i into v.
func (d *msgpackDecoder) value(i int, v reflect.Value) (int, error) {
	h := readMsgpack(d.b, i)
	isNull := h.kind == msgpackNil || h.kind == msgpackUndefined
	for !isNull || v.Kind() != reflect.Pointer {
		if done, end, err := d.unmarshaler(i, h, v); done {
			return end, err
		}
		if v.Kind() != reflect.Pointer {
			break
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Interface && v.NumMethod() == 0 {
		x, end, err := d.dynamic(i)
		if err != nil {
			return 0, err
		}
		if x == nil {
			v.SetZero()
		} else {
			v.Set(reflect.ValueOf(x))
		}
		return end, nil
	}
	switch h.kind {
	case msgpackNil, msgpackUndefined:
		switch v.Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice:
			v.SetZero()
		}
		return h.end(), nil
	case msgpackArray:
		return d.array(h, v)
	case msgpackMap:
		return d.object(h, v)
	}
	return h.end(), d.scalar(h, v)
}

// unmarshaler lets a type decode itself that can. Times are the exception: their own method knows
// nothing of Dates.
func (d *msgpackDecoder) unmarshaler(i int, h msgpackHead, v reflect.Value) (done bool, end int, err error) {
	t := v.Type()
	if t.PkgPath() == "" && v.Kind() != reflect.Struct {
		return false, 0, nil // a predeclared or unnamed type has no methods
	}
	if h.kind == msgpackDate && t == timeType {
		v.Set(reflect.ValueOf(h.date(d.b)))
		return true, h.end(), nil
	}
	if u, ok := reflect.TypeAssert[json.Unmarshaler](v.Addr()); ok {
		text, end, err := appendMsgpackValue(nil, d.b, i)
		if err != nil {
			return true, 0, err
		}
		return true, end, u.UnmarshalJSON(text)
	}
	if h.kind != msgpackString {
		return false, 0, nil
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return true, h.end(), u.UnmarshalText(append([]byte(nil), h.bytes(d.b)...))
	}
	return false, 0, nil
}

// dynamic decodes the value at i for a variable of type any.
func (d *msgpackDecoder) dynamic(i int) (any, int, error) {
	h := readMsgpack(d.b, i)
	switch h.kind {
	case msgpackNil, msgpackUndefined:
		return nil, h.end(), nil
	case msgpackFalse, msgpackTrue:
		return h.kind == msgpackTrue, h.end(), nil
	case msgpackUint, msgpackInt, msgpackFloat:
		return h.float(d.b), h.end(), nil
	case msgpackString:
		return string(h.bytes(d.b)), h.end(), nil
	case msgpackBytes:
		return fill(nil, h.bytes(d.b)), h.end(), nil
	case msgpackDate:
		return h.date(d.b), h.end(), nil
	case msgpackArray:
		list := make([]any, h.n)
		i, err := h.body, error(nil)
		for n := range list {
			if list[n], i, err = d.dynamic(i); err != nil {
				return nil, 0, err
			}
		}
		return list, i, nil
	case msgpackMap:
		return d.dynamicMap(h)
	}
	return nil, 0, errMsgpackExt
}

// mapHint is the largest size that a map or slice is made with at once: an entry takes many times
// the memory of its two bytes on the wire.
const mapHint = 64

func (d *msgpackDecoder) dynamicMap(h msgpackHead) (any, int, error) {
	m := make(map[string]any, min(h.n, mapHint))
	i := h.body
	for range h.n {
		key := readMsgpack(d.b, i)
		i = key.end()
		if value := readMsgpack(d.b, i); value.kind == msgpackUndefined {
			i = value.end()
			continue
		}
		x, end, err := d.dynamic(i)
		if err != nil {
			return nil, 0, err
		}
		m[key.key(d.b)] = x
		i = end
	}
	return m, i, nil
}

func (d *msgpackDecoder) array(h msgpackHead, v reflect.Value) (int, error) {
	i := h.body
	switch v.Kind() {
	case reflect.Slice:
		return d.slice(h, v)
	case reflect.Array:
		for n := range h.n {
			if n >= v.Len() {
				i = skipMsgpack(d.b, i)
				continue
			}
			var err error
			if i, err = d.value(i, v.Index(n)); err != nil {
				return 0, err
			}
		}
		for n := h.n; n < v.Len(); n++ {
			v.Index(n).SetZero()
		}
		return i, nil
	}
	return 0, fmt.Errorf("array does not fit into a %s", v.Type())
}

// slice decodes an array into a slice, whose memory it reuses.
func (d *msgpackDecoder) slice(h msgpackHead, v reflect.Value) (int, error) {
	i := h.body
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, min(h.n, mapHint)))
	}
	v.SetLen(0)
	for n := range h.n {
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		var err error
		if i, err = d.value(i, v.Index(n)); err != nil {
			return 0, err
		}
	}
	return i, nil
}

func (d *msgpackDecoder) object(h msgpackHead, v reflect.Value) (int, error) {
	isMap := v.Kind() == reflect.Map
	if !isMap && v.Kind() != reflect.Struct {
		return 0, fmt.Errorf("object does not fit into a %s", v.Type())
	}
	if isMap && v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), min(h.n, mapHint)))
	}
	i := h.body
	for range h.n {
		key := readMsgpack(d.b, i)
		i = key.end()
		if value := readMsgpack(d.b, i); value.kind == msgpackUndefined {
			i = value.end()
			continue
		}
		var err error
		start := i
		if isMap {
			i, err = d.entry(key, i, v)
		} else {
			i, err = d.member(key, i, v)
		}
		if err != nil {
			return start, fmt.Errorf("%q: %w", key.key(d.b), err)
		}
	}
	return i, nil
}

// entry decodes a member of an object into a map.
func (d *msgpackDecoder) entry(key msgpackHead, i int, v reflect.Value) (int, error) {
	k, err := mapKey(key.key(d.b), v.Type().Key())
	if err != nil {
		return 0, err
	}
	value := reflect.New(v.Type().Elem()).Elem()
	end, err := d.value(i, value)
	if err == nil {
		v.SetMapIndex(k, value)
	}
	return end, err
}

// mapKey makes a map's key of its text, by the rules of encoding/json.
func mapKey(s string, t reflect.Type) (reflect.Value, error) {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(t)); ok {
		err := u.UnmarshalText([]byte(s))
		return reflect.ValueOf(u).Elem(), err
	}
	k := reflect.New(t).Elem()
	var err error
	switch {
	case t.Kind() == reflect.String:
		k.SetString(s)
	case k.CanInt():
		var n int64
		n, err = strconv.ParseInt(s, 10, t.Bits())
		k.SetInt(n)
	case k.CanUint():
		var n uint64
		n, err = strconv.ParseUint(s, 10, t.Bits())
		k.SetUint(n)
	default:
		err = fmt.Errorf("key does not fit into a %s", t)
	}
	return k, err
}

// member decodes a member of an object into the field of that name, or skips it if there is none.
func (d *msgpackDecoder) member(key msgpackHead, i int, v reflect.Value) (int, error) {
	var f *field
	if key.kind == msgpackString {
		f = fieldNamed(v.Type(), key.bytes(d.b))
	} else {
		f = fieldNamed(v.Type(), key.key(d.b))
	}
	if f == nil {
		return skipMsgpack(d.b, i), nil
	}
	v, err := f.settable(v)
	if err != nil {
		return 0, err
	}
	if h := readMsgpack(d.b, i); f.quoted && h.kind == msgpackString {
		return h.end(), json.Unmarshal(h.bytes(d.b), v.Addr().Interface())
	}
	return d.value(i, v)
}
