package socketio

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
)

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

// number decodes a number. Whether it is whole decides if it fits into an integer, not how it was
// written.
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
