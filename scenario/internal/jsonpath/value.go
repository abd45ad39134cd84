package jsonpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
)

// Decode reads one JSON value. Numbers are json.Number, so that long ones keep their digits.
func Decode(text []byte) (any, error) {
	if v, ok := scalar(text); ok {
		return v, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// scalar is Decode of a number or a text, most of what is compared and captured, for less.
func scalar(text []byte) (v any, ok bool) {
	if len(text) == 0 {
		return nil, false
	}
	switch c := text[0]; {
	case c == '"':
		var s string
		err := json.Unmarshal(text, &s)
		return s, err == nil
	case c == '-' || c >= '0' && c <= '9':
		return json.Number(bytes.TrimRight(text, " \t\r\n")), json.Valid(text)
	}
	return nil, false
}

// Append appends a value that Decode returned as JSON: numbers as they were written, objects with
// their keys in the order of the alphabet.
func Append(dst []byte, v any) []byte {
	switch v := v.(type) {
	case json.Number:
		return append(dst, v...)
	case string:
		return socketio.AppendString(dst, v)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return append(dst, "null"...) // what Decode returned can be encoded
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// Equal compares two values that Decode returned: numbers by what they amount to, objects without
// regard to the order of their keys.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && equalNumbers(string(a), string(b))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			w, ok := b[key]
			if !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case []any, map[string]any:
		return false // which == cannot compare
	}
	return a == b
}

func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	minusA, digitsA, expA, okA := decimal(a)
	minusB, digitsB, expB, okB := decimal(b)
	return okA && okB && minusA == minusB && digitsA == digitsB && expA == expB
}

// decimal takes a JSON number apart: digits times ten to the power of exp, the digits without zeros
// at either end. Two numbers amount to the same when all parts are equal, however large they are.
func decimal(text string) (minus bool, digits string, exp int, ok bool) {
	text, minus = strings.CutPrefix(text, "-")
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	if scientific {
		var err error
		if exp, err = strconv.Atoi(power); err != nil {
			return false, "", 0, false // its exponent is no int: equal only where the text is
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	exp -= len(fraction)
	short := strings.TrimRight(digits, "0")
	exp += len(digits) - len(short)
	if short == "" {
		return false, "", 0, true // 0, -0 and 0e5
	}
	return minus, short, exp, true
}
