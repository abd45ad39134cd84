package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Bind decodes a list of arguments, as SplitEvent or AckArgs returns it, into the variables that
// dst points to: the first argument into the first, and so on. Variables beyond the last argument
// are left as they are, arguments beyond the last variable are ignored, and a nil in dst skips an
// argument.
//
// Values are decoded by the rules of encoding/json. If the packet has attachments, they take the
// place of their placeholders: in variables, elements and fields of type []byte, and, as []byte, of
// type any. A json.RawMessage or another type that decodes itself receives the placeholder as it
// stands in the text.
//
// Nothing that was decoded aliases args or attachments: it may be kept. A
// *[]byte or *json.RawMessage reuses the memory of the slice it points to, and
// an attachment that is named twice inside an argument is one slice in both places.
//
// An error names the argument, counted from 1. Those before it have been decoded then.
func Bind(args []byte, attachments [][]byte, dst ...any) error {
	var b *binder // only a packet with attachments needs it
	for i, d := range dst {
		arg, rest := NextArg(args)
		if arg == nil {
			return nil
		}
		args = rest
		if d == nil {
			continue
		}
		var err error
		if len(attachments) == 0 {
			err = bindPlain(arg, d)
		} else {
			if b == nil {
				b = &binder{attachments: attachments}
			}
			err = b.bind(arg, d)
		}
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

// binder decodes the arguments of one packet.
type binder struct {
	attachments [][]byte
	copies      [][]byte // of the attachments, made when first needed
}

func (b *binder) bind(arg []byte, dst any) error {
	w := walker{b: arg, attachments: len(b.attachments), collect: true}
	w.value(0, 0)
	switch {
	case w.bad:
		return errPlaceholder
	case len(w.spans) == 0:
		return bindPlain(arg, dst)
	}
	if p, ok := dst.(*[]byte); ok && p != nil && w.spans[0].num >= 0 {
		*p = fill(*p, b.attachments[w.spans[0].num])
		return nil
	}
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return notPointer(dst)
	}
	d := binaryDecoder{binder: b, b: arg, spans: w.spans}
	_, err := d.value(0, v.Elem())
	return err
}

// fill returns b in the memory of old. The result is never nil: an attachment without bytes is not
// the same as none.
func fill(old, b []byte) []byte {
	if out := append(old[:0], b...); out != nil {
		return out
	}
	return []byte{}
}

func notPointer(dst any) error {
	return fmt.Errorf("destination of type %T is not a pointer to a variable", dst)
}

// bindPlain decodes a value without placeholders. A value that does not fit the direct ways is left
// to encoding/json, for its rules and its errors.
func bindPlain(arg []byte, dst any) error {
	switch p := dst.(type) {
	case *string:
		if n := len(arg); p != nil && n >= 2 && arg[0] == '"' && arg[n-1] == '"' {
			*p = unquoted(arg[1 : n-1])
			return nil
		}
	case *int:
		if n, err := strconv.Atoi(string(arg)); p != nil && err == nil {
			*p = n
			return nil
		}
	case *int64:
		if n, err := strconv.ParseInt(string(arg), 10, 64); p != nil && err == nil {
			*p = n
			return nil
		}
	case *bool:
		if t := string(arg) == "true"; p != nil && (t || string(arg) == "false") {
			*p = t
			return nil
		}
	case *json.RawMessage:
		if p != nil {
			*p = append((*p)[:0], arg...)
			return nil
		}
	}
	if v := reflect.ValueOf(dst); v.Kind() == reflect.Pointer && !v.IsNil() && bindDirect(arg, v.Elem()) {
		return nil
	}
	err := json.Unmarshal(arg, dst)
	if _, ok := errors.AsType[*json.InvalidUnmarshalError](err); ok {
		return notPointer(dst)
	}
	return err
}

func unquoted(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(appendUnquoted(nil, raw))
}

// binaryDecoder decodes a value that holds placeholders. It goes down only where there are some;
// what lies beside them is encoding/json's.
type binaryDecoder struct {
	*binder
	b     []byte
	spans []span // in the order of the text
}

// skip leaves out the spans before position end.
func (d *binaryDecoder) skip(end int) {
	for len(d.spans) > 0 && d.spans[0].start < end {
		d.spans = d.spans[1:]
	}
}

// value decodes the value at i into v and returns the position behind it.
func (d *binaryDecoder) value(i int, v reflect.Value) (int, error) {
	if len(d.spans) == 0 || d.spans[0].start != i {
		end := skipValue(d.b, i)
		return end, bindPlain(d.b[i:end], v.Addr().Interface())
	}
	s := d.spans[0]
	for {
		if u, ok := reflect.TypeAssert[json.Unmarshaler](v.Addr()); ok {
			d.skip(s.end)
			return s.end, u.UnmarshalJSON(d.b[s.start:s.end])
		}
		if v.Kind() != reflect.Pointer {
			break
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	d.spans = d.spans[1:]
	if s.num >= 0 {
		return s.end, d.attachment(s.num, v)
	}
	if v.Kind() == reflect.Interface && v.NumMethod() == 0 {
		return s.end, d.dynamic(s, v)
	}
	var err error
	if d.b[i] == '[' {
		err = d.array(s, v)
	} else {
		err = d.object(s, v)
	}
	return s.end, err
}

// attachment puts attachment num into v.
func (d *binaryDecoder) attachment(num int, v reflect.Value) error {
	if d.copies == nil {
		d.copies = make([][]byte, len(d.attachments))
	}
	if d.copies[num] == nil {
		d.copies[num] = fill(nil, d.attachments[num])
	}
	b := d.copies[num]
	switch {
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(b))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(b)
	default:
		return fmt.Errorf("binary attachment does not fit into a %s", v.Type())
	}
	return nil
}

// dynamic decodes an array or object into an any.
func (d *binaryDecoder) dynamic(s span, v reflect.Value) error {
	if d.b[s.start] == '[' {
		var list []any
		err := d.array(s, reflect.ValueOf(&list).Elem())
		v.Set(reflect.ValueOf(list))
		return err
	}
	var m map[string]any
	err := d.object(s, reflect.ValueOf(&m).Elem())
	v.Set(reflect.ValueOf(m))
	return err
}

func (d *binaryDecoder) array(s span, v reflect.Value) error {
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return fmt.Errorf("array does not fit into a %s", v.Type())
	}
	if v.Kind() == reflect.Slice {
		v.SetLen(0)
	}
	n := 0
	e := elements{b: d.b[:s.end], i: s.start + 1}
	for e.next() {
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		if n >= v.Len() { // an array of fixed size is full
			e.i = skipValue(d.b, e.i)
			d.skip(e.i)
			continue
		}
		end, err := d.value(e.i, v.Index(n))
		if err != nil {
			return err
		}
		e.i = end
		n++
	}
	if v.Kind() == reflect.Array {
		for ; n < v.Len(); n++ {
			v.Index(n).SetZero()
		}
	}
	return nil
}

func (d *binaryDecoder) object(s span, v reflect.Value) error {
	if v.Kind() != reflect.Struct && v.Kind() != reflect.Map {
		return fmt.Errorf("object does not fit into a %s", v.Type())
	}
	if v.Kind() == reflect.Map {
		if v.Type().Key().Kind() != reflect.String {
			return fmt.Errorf("object with attachments does not fit into a %s: the keys must be strings", v.Type())
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
	m := members{b: d.b[:s.end], i: s.start + 1}
	for m.next() {
		key := unquoted(m.key)
		var err error
		if v.Kind() == reflect.Map {
			err = d.entry(&m, key, v)
		} else {
			err = d.member(&m, key, v)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return nil
}

// entry decodes a member of an object into a map.
func (d *binaryDecoder) entry(m *members, key string, v reflect.Value) error {
	value := reflect.New(v.Type().Elem()).Elem()
	end, err := d.value(m.i, value)
	m.i = end
	if err == nil {
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
	}
	return err
}

// member decodes a member of an object into the field of that name, or skips it if there is none.
func (d *binaryDecoder) member(m *members, key string, v reflect.Value) error {
	f := fieldNamed(v.Type(), key)
	if f == nil {
		m.i = skipValue(d.b, m.i)
		d.skip(m.i)
		return nil
	}
	v, err := f.settable(v)
	if err != nil {
		return err
	}
	if f.quoted && (len(d.spans) == 0 || d.spans[0].start != m.i) {
		return d.quoted(m, v)
	}
	end, err := d.value(m.i, v)
	m.i = end
	return err
}

// quoted decodes a field with the tag option "string", whose value stands inside a JSON string.
func (d *binaryDecoder) quoted(m *members, v reflect.Value) error {
	start := m.i
	m.i = skipValue(d.b, start)
	raw := d.b[start:m.i]
	if len(raw) >= 2 && raw[0] == '"' {
		raw = appendUnquoted(nil, raw[1:len(raw)-1])
	}
	return json.Unmarshal(raw, v.Addr().Interface())
}

// fieldNamed finds a field as encoding/json does: exactly, else without regard to case.
func fieldNamed[T string | []byte](t reflect.Type, name T) *field {
	return findField(fieldsOf(t), name)
}

func findField[T string | []byte](fields []field, name T) *field {
	for i := range fields {
		if fields[i].name == string(name) {
			return &fields[i]
		}
	}
	for i := range fields {
		if strings.EqualFold(fields[i].name, string(name)) {
			return &fields[i]
		}
	}
	return nil
}
