package socketio

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
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

// bindMsgpackValue decodes a value into the variable that dst points to. The
// types that variables commonly have need no reflection.
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

// msgpackDecoder decodes a value that nextMsgpack has accepted. Its methods take
// the head of the value, or its position, and return the position behind it.
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

// unmarshaler lets a type decode itself that can. Times are the exception: their
// own method knows nothing of Dates.
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

// mapHint is the largest size that a map is made with at once: an entry takes
// many times the memory of its two bytes on the wire.
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
	switch v.Kind() {
	case reflect.Slice:
		if v.Cap() < h.n {
			v.Set(reflect.MakeSlice(v.Type(), 0, min(h.n, mapHint)))
		}
		v.SetLen(0)
	case reflect.Array:
	default:
		return 0, fmt.Errorf("array does not fit into a %s", v.Type())
	}
	i := h.body
	for n := range h.n {
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		if n >= v.Len() { // an array of fixed size is full
			i = skipMsgpack(d.b, i)
			continue
		}
		end, err := d.value(i, v.Index(n))
		if err != nil {
			return 0, err
		}
		i = end
	}
	if v.Kind() == reflect.Slice && h.n == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	if v.Kind() == reflect.Array {
		for n := h.n; n < v.Len(); n++ {
			v.Index(n).SetZero()
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

// member decodes a member of an object into the field of that name, or skips it
// if there is none.
func (d *msgpackDecoder) member(key msgpackHead, i int, v reflect.Value) (int, error) {
	f := fieldNamed(v.Type(), key.key(d.b))
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

// scalar decodes a value that is neither null nor a container.
func (d *msgpackDecoder) scalar(h msgpackHead, v reflect.Value) error {
	switch h.kind {
	case msgpackFalse, msgpackTrue:
		if v.Kind() == reflect.Bool {
			v.SetBool(h.kind == msgpackTrue)
			return nil
		}
		return fmt.Errorf("boolean does not fit into a %s", v.Type())
	case msgpackString:
		return d.text(h.bytes(d.b), v)
	case msgpackDate:
		if v.Kind() == reflect.String && v.Type() != numberType {
			v.SetString(string(appendISO(nil, h.date(d.b))))
			return nil
		}
		return fmt.Errorf("date does not fit into a %s", v.Type())
	case msgpackBytes:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(fill(nil, h.bytes(d.b)))
			return nil
		}
		return fmt.Errorf("binary data does not fit into a %s", v.Type())
	case msgpackUint, msgpackInt, msgpackFloat:
		return d.number(h, v)
	}
	return errMsgpackExt
}

// text decodes a string. As in JSON, base64 in one is good for a []byte.
func (d *msgpackDecoder) text(b []byte, v reflect.Value) error {
	switch {
	case v.Type() == numberType:
		n := scanner{b: b}
		if len(b) == 0 || n.number(0) != len(b) {
			return fmt.Errorf("string %.40q is not a number", b)
		}
		v.SetString(string(b))
		return nil
	case v.Kind() == reflect.String:
		v.SetString(string(b))
		return nil
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		out, err := base64.StdEncoding.AppendDecode([]byte{}, b)
		if err == nil {
			v.SetBytes(out)
		}
		return err
	}
	return fmt.Errorf("string does not fit into a %s", v.Type())
}

// number decodes a number. Whether it is whole decides if it fits into an
// integer, not how it was written.
func (d *msgpackDecoder) number(h msgpackHead, v reflect.Value) error {
	fits := false
	switch {
	case v.CanInt():
		var n int64
		if n, fits = h.asInt(d.b); fits && !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
	case v.CanUint():
		var n uint64
		if n, fits = h.asUint(d.b); fits && !v.OverflowUint(n) {
			v.SetUint(n)
			return nil
		}
	case v.CanFloat():
		if f := h.float(d.b); !v.OverflowFloat(f) {
			v.SetFloat(f)
			return nil
		}
	case v.Type() == numberType:
		if f := h.float(d.b); !math.IsNaN(f) && !math.IsInf(f, 0) {
			v.SetString(string(h.appendNumber(nil, d.b)))
			return nil
		}
	}
	return fmt.Errorf("number %v does not fit into a %s", h.float(d.b), v.Type())
}

// asInt returns a number as an int64, if it is one.
func (h msgpackHead) asInt(b []byte) (int64, bool) {
	switch h.kind {
	case msgpackInt:
		return h.int(b), true
	case msgpackUint:
		return int64(h.uint(b)), h.uint(b) <= math.MaxInt64
	}
	f := h.float(b)
	return int64(f), f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63
}

// asUint returns a number as an uint64, if it is one.
func (h msgpackHead) asUint(b []byte) (uint64, bool) {
	switch h.kind {
	case msgpackInt:
		return uint64(h.int(b)), h.int(b) >= 0
	case msgpackUint:
		return h.uint(b), true
	}
	f := h.float(b)
	return uint64(f), f == math.Trunc(f) && f >= 0 && f < 1<<64
}
