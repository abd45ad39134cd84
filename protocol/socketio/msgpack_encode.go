package socketio

import (
	"cmp"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// A packet is a map: type, data unless absent, id if there is one, nsp. Readers
// must not depend on the order, which is that of the reference's events.

func msgpackFields(hasID bool) int {
	if hasID {
		return 4
	}
	return 3
}

// appendMsgpackHead appends a packet's map of so many fields, up to the payload
// if there is one.
func appendMsgpackHead(dst []byte, t Type, fields int) []byte {
	dst = append(dst, 0x80|byte(fields), 0xa4, 't', 'y', 'p', 'e', byte(t))
	if fields == 2 {
		return dst
	}
	return append(dst, 0xa4, 'd', 'a', 't', 'a')
}

// appendMsgpackTail appends what follows the payload.
func appendMsgpackTail(dst []byte, namespace string, id uint64, hasID bool) []byte {
	if hasID {
		dst = appendMsgpackUint(append(dst, 0xa2, 'i', 'd'), id)
	}
	return appendMsgpackNamespace(dst, namespace)
}

func appendMsgpackNamespace(dst []byte, namespace string) []byte {
	if namespace == "" {
		namespace = "/"
	}
	return appendMsgpackString(append(dst, 0xa3, 'n', 's', 'p'), namespace)
}

// appendMsgpackConnect appends a Connect or ConnectError.
func appendMsgpackConnect(dst []byte, t Type, namespace string, data any) ([]byte, error) {
	if data == nil {
		return appendMsgpackNamespace(appendMsgpackHead(dst, t, 2), namespace), nil
	}
	e := msgpackEncoder{dst: appendMsgpackHead(dst, t, 3)}
	start := len(e.dst)
	if err := e.value(data); err != nil {
		return dst, fmt.Errorf("socket.io: data of a connect packet: %w", err)
	}
	if readMsgpack(e.dst, start).kind != msgpackMap {
		return dst, errConnectData
	}
	return appendMsgpackNamespace(e.dst, namespace), nil
}

func appendMsgpackEvent(dst []byte, namespace string, id uint64, hasID bool, event string, args []any) ([]byte, error) {
	if Reserved(event) {
		return dst, fmt.Errorf("socket.io: event %q: %w", event, ErrReservedEvent)
	}
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	out := appendMsgpackArray(appendMsgpackHead(dst, Event, msgpackFields(hasID)), 1+len(args))
	out, err := appendMsgpackArgs(appendMsgpackString(out, event), args)
	if err != nil {
		return dst, fmt.Errorf("socket.io: event %q: %w", event, err)
	}
	return appendMsgpackTail(out, namespace, id, hasID), nil
}

func appendMsgpackAck(dst []byte, namespace string, id uint64, args []any) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return dst, err
	}
	out := appendMsgpackArray(appendMsgpackHead(dst, Ack, msgpackFields(true)), len(args))
	out, err := appendMsgpackArgs(out, args)
	if err != nil {
		return dst, fmt.Errorf("socket.io: ack %d: %w", id, err)
	}
	return appendMsgpackTail(out, namespace, id, true), nil
}

func appendMsgpackArgs(dst []byte, args []any) ([]byte, error) {
	e := msgpackEncoder{dst: dst}
	for i, arg := range args {
		if err := e.value(arg); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return e.dst, nil
}

func appendMsgpackUint(dst []byte, n uint64) []byte {
	switch {
	case n <= 0x7f:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}

func appendMsgpackInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendMsgpackUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
}

// appendMsgpackFloat writes a number as JavaScript does, where 1.0 and 1 are the
// same: whole numbers as integers, as far as both can hold them.
func appendMsgpackFloat(dst []byte, f float64) []byte {
	const exact = 1 << 53
	if n := int64(f); f >= -exact && f <= exact && float64(n) == f {
		return appendMsgpackInt(dst, n)
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

// appendMsgpackString writes a string; invalid UTF-8 becomes U+FFFD.
func appendMsgpackString[T string | []byte](dst []byte, s T) []byte {
	if !utf8.ValidString(string(s)) {
		return appendMsgpackString(dst, string([]rune(string(s))))
	}
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}

func appendMsgpackBytes(dst, b []byte) []byte {
	switch n := len(b); {
	case b == nil:
		return append(dst, 0xc0)
	case n <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, b...)
}

func appendMsgpackBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendMsgpackDate(dst []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xd7, 0x00), uint64(t.UnixMilli()))
}

func appendMsgpackArray(dst []byte, n int) []byte { return appendMsgpackCount(dst, 0x90, 0xdc, n) }
func appendMsgpackMap(dst []byte, n int) []byte   { return appendMsgpackCount(dst, 0x80, 0xde, n) }

func appendMsgpackCount(dst []byte, short, long byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, short|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}

// msgpackEncoder writes values as MessagePack. It is the encoder of JSON with
// another pen: the same fields under the same names, the same interfaces.
type msgpackEncoder struct {
	dst    []byte
	depth  int
	counts []int // of transcode, kept for the next time
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
	e.transcode(b)
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
	e.dst = appendMsgpackNumber(e.dst, s)
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
		if value, ok := fields[i].get(v); ok && !fields[i].omit(value) {
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
		e.dst = appendMsgpackString(e.dst, f.name)
		if err := e.field(f, value); err != nil {
			return err
		}
	}
	if n != 0 {
		return errUnsteady
	}
	return nil
}

var (
	errUnsteady    = errors.New("struct changed while it was encoded")
	errConnectData = errors.New("socket.io: data of a connect packet must be an object, without binary if it is JSON")
)

// field writes the value of a field, as a JSON string if the tag asks for it.
func (e *msgpackEncoder) field(f *field, v reflect.Value) error {
	if !f.quoted || v.Kind() == reflect.Pointer && v.IsNil() {
		return e.reflect(v)
	}
	inner := encoder{}
	if err := inner.reflect(v); err != nil {
		return err
	}
	e.dst = appendMsgpackString(e.dst, inner.dst)
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
		e.transcode(b)
	default:
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return true, fmt.Errorf("MarshalText of %s: %w", v.Type(), err)
		}
		e.dst = appendMsgpackString(e.dst, b)
	}
	return true, nil
}

// transcode writes a JSON text that validJSON has accepted. A container's head
// holds its size, so these are counted first, all in one pass: one pass for each
// container would be quadratic in how deep they are nested.
func (e *msgpackEncoder) transcode(b []byte) {
	e.counts = countJSON(e.counts[:0], b)
	t := transcoder{b: b, dst: e.dst, counts: e.counts}
	t.value(0)
	e.dst = t.dst
}

// countJSON appends the number of elements or members of each container of a
// JSON text, in the order in which they begin.
func countJSON(counts []int, b []byte) []int {
	var open [maxDepth + 1]int
	depth := 0
	for i := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i+1)
			continue
		case '{', '[':
			depth++
			open[depth] = len(counts)
			counts = append(counts, 1)
			if after := skipSpace(b, i+1); b[after] == b[i]+2 {
				counts[len(counts)-1] = 0
			}
		case '}', ']':
			depth--
		case ',':
			counts[open[depth]]++
		}
		i++
	}
	return counts
}

// transcoder turns JSON into MessagePack.
type transcoder struct {
	b, dst  []byte
	counts  []int
	scratch []byte
}

func (t *transcoder) value(i int) int {
	i = skipSpace(t.b, i)
	switch t.b[i] {
	case '"':
		return t.string(i)
	case '[':
		t.dst = appendMsgpackArray(t.dst, t.count())
		e := elements{b: t.b, i: i + 1}
		for e.next() {
			e.i = t.value(e.i)
		}
		return e.i
	case '{':
		t.dst = appendMsgpackMap(t.dst, t.count())
		m := members{b: t.b, i: i + 1}
		for m.next() {
			t.text(m.key)
			m.i = t.value(m.i)
		}
		return m.i
	}
	end := skipValue(t.b, i)
	switch t.b[i] {
	case 'n':
		t.dst = append(t.dst, 0xc0)
	case 't', 'f':
		t.dst = appendMsgpackBool(t.dst, t.b[i] == 't')
	default:
		t.dst = appendMsgpackNumber(t.dst, string(t.b[i:end]))
	}
	return end
}

func (t *transcoder) count() int {
	n := t.counts[0]
	t.counts = t.counts[1:]
	return n
}

func (t *transcoder) string(i int) int {
	end := skipString(t.b, i+1)
	t.text(t.b[i+1 : end-1])
	return end
}

// text writes the string with the given raw text.
func (t *transcoder) text(raw []byte) {
	if slices.Contains(raw, '\\') {
		t.scratch = appendUnquoted(t.scratch[:0], raw)
		raw = t.scratch
	}
	t.dst = appendMsgpackString(t.dst, raw)
}

// appendMsgpackNumber writes a JSON number.
func appendMsgpackNumber(dst []byte, s string) []byte {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return appendMsgpackInt(dst, n)
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return appendMsgpackUint(dst, n)
	}
	f, _ := strconv.ParseFloat(s, 64) // infinite if it is out of range, as in JavaScript
	return appendMsgpackFloat(dst, f)
}
