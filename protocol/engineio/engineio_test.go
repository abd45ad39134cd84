package engineio_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]error{
		"":        engineio.ErrEmpty,
		"7":       engineio.ErrType,
		"/":       engineio.ErrType,
		"\x00":    engineio.ErrType,
		"\xff4a":  engineio.ErrType,
		"B":       engineio.ErrType,
		"bA":      engineio.ErrBase64,
		"bAA=":    engineio.ErrBase64,
		"bAAA==":  engineio.ErrBase64,
		"bAAAA=":  engineio.ErrBase64,
		"b=":      engineio.ErrBase64,
		"b==":     engineio.ErrBase64,
		"b====":   engineio.ErrBase64,
		"bA===":   engineio.ErrBase64,
		"bA=A=":   engineio.ErrBase64,
		"bAA\nAA": engineio.ErrBase64,
		"bAAA\n":  engineio.ErrBase64,
		"bAAAA\n": engineio.ErrBase64,
		"b AAA":   engineio.ErrBase64,
		"bAAAAA~": engineio.ErrBase64,
		"bA\xff":  engineio.ErrBase64,
	} {
		if p, err := engineio.Parse([]byte(in)); !errors.Is(err, want) {
			t.Errorf("Parse(%q) = %v, %v, want %v", in, p, err, want)
		}
	}
}

func TestParseBase64Lengths(t *testing.T) {
	src := make([]byte, 67)
	for i := range src {
		src[i] = byte(i*37 + 190)
	}
	for n := range len(src) + 1 {
		for _, enc := range []*base64.Encoding{
			base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
		} {
			p, err := engineio.Parse(append([]byte("b"), enc.EncodeToString(src[:n])...))
			if err != nil || !p.Binary || p.Type != engineio.Message || !bytes.Equal(p.Data, src[:n]) {
				t.Fatalf("%d bytes: %v, %v", n, p, err)
			}
		}
	}
}

// Appending to one packet's data must not reach the next one's.
func TestPacketsAreSeparate(t *testing.T) {
	p := engineio.NewPayload([]byte("4a\x1ebAQID\x1e4c"))
	var all []engineio.Packet
	for p.Next() {
		q := p.Packet()
		_ = append(q.Data, "overwritten"...)
		all = append(all, q)
	}
	if p.Err() != nil || len(all) != 3 || string(all[1].Data) != "\x01\x02\x03" || string(all[2].Data) != "c" {
		t.Errorf("got %v, %v", all, p.Err())
	}
}

func TestPayloadError(t *testing.T) {
	p := engineio.NewPayload([]byte("4a\x1e4b\x1e9\x1e4c"))
	for p.Next() {
	}
	if !errors.Is(p.Err(), engineio.ErrType) || !strings.Contains(p.Err().Error(), "packet 3") {
		t.Errorf("error %v, want packet 3 of unknown type", p.Err())
	}
	if p.Next() || p.Packet().Data != nil {
		t.Error("the payload goes on behind an error")
	}
	if zero := (engineio.Payload{}); zero.Next() || zero.Err() != nil {
		t.Error("the zero payload is not empty")
	}
}

func TestTypeString(t *testing.T) {
	if got := fmt.Sprint(engineio.Open, engineio.Noop, engineio.Type(9)); got != "open noop type 9" {
		t.Errorf("got %q", got)
	}
}

func TestHandshake(t *testing.T) {
	h := engineio.Handshake{
		SID: "lv_VI97HAXpY6yYWAAAC", Upgrades: []string{"websocket"},
		PingInterval: 25 * time.Second, PingTimeout: 20*time.Second + 999*time.Microsecond, MaxPayload: 1e6,
	}
	const want = `{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if got := string(h.AppendJSON([]byte("0"))); got != "0"+want {
		t.Errorf("AppendJSON: %s", got)
	}
	got, err := engineio.ParseHandshake([]byte(want))
	if err != nil || got.SID != h.SID || !slices.Equal(got.Upgrades, h.Upgrades) || got.PingInterval != h.PingInterval ||
		got.PingTimeout != 20*time.Second || got.MaxPayload != h.MaxPayload {
		t.Errorf("ParseHandshake: %+v, %v", got, err)
	}
	h.Upgrades = nil
	if got := string(h.AppendJSON(nil)); !strings.Contains(got, `"upgrades":[],`) {
		t.Errorf("no upgrades: %s", got)
	}
	h.Upgrades = []string{"websocket", "webtransport"}
	if got := string(h.AppendJSON(nil)); !strings.Contains(got, `["websocket","webtransport"]`) {
		t.Errorf("two upgrades: %s", got)
	}
	h.SID = "\"\\\n\x01\u20ac\u2028<\xff"
	var back struct{ SID string }
	if err := json.Unmarshal(h.AppendJSON(nil), &back); err != nil || back.SID != "\"\\\n\x01\u20ac\u2028<\ufffd" {
		t.Errorf("unusual sid: %q, %v in %s", back.SID, err, h.AppendJSON(nil))
	}
}

func TestParseHandshakeTolerance(t *testing.T) {
	h, err := engineio.ParseHandshake([]byte(`{"x":{},"maxPayload":1e12,"pingTimeout":200.5,"pingInterval":300,"sid":"a"}`))
	if err != nil || h.SID != "a" || h.PingInterval != 300*time.Millisecond || h.PingTimeout != 200500*time.Microsecond || h.MaxPayload != 1<<31-1 {
		t.Errorf("other order, unknown key: %+v, %v", h, err)
	}
	if h, err = engineio.ParseHandshake([]byte(`{"sid":"a","pingInterval":1,"pingTimeout":0,"maxPayload":null}`)); err != nil || h.MaxPayload != 0 {
		t.Errorf("no limit: %+v, %v", h, err)
	}
	for _, bad := range []string{
		``, `[]`, `"x"`, `{`, `{}`, `{"sid":""}`, `{"sid":1,"pingInterval":1,"pingTimeout":1}`,
		`{"sid":"a"}`, `{"sid":"a","pingInterval":0,"pingTimeout":1}`, `{"sid":"a","pingInterval":-1,"pingTimeout":1}`,
		`{"sid":"a","pingInterval":1e300,"pingTimeout":1}`, `{"sid":"a","pingInterval":1,"pingTimeout":-1}`,
		`{"sid":"a","pingInterval":1,"pingTimeout":1e300}`, `{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":-1}`,
	} {
		if h, err := engineio.ParseHandshake([]byte(bad)); err == nil {
			t.Errorf("ParseHandshake(%s) = %+v", bad, h)
		}
	}
}

func TestErrorCodes(t *testing.T) {
	for code, want := range []struct {
		body   string
		status int
	}{
		{`{"code":0,"message":"Transport unknown"}`, 400},
		{`{"code":1,"message":"Session ID unknown"}`, 400},
		{`{"code":2,"message":"Bad handshake method"}`, 400},
		{`{"code":3,"message":"Bad request"}`, 400},
		{`{"code":4,"message":"Forbidden"}`, 403},
		{`{"code":5,"message":"Unsupported protocol version"}`, 400},
		{`{"code":6,"message":"Error 6"}`, 400},
	} {
		c := engineio.ErrorCode(code)
		if got := string(c.AppendJSON(nil, "")); got != want.body || c.Status() != want.status {
			t.Errorf("code %d: %s, status %d", code, got, c.Status())
		}
		if back, message, err := engineio.ParseErrorJSON([]byte(want.body)); err != nil || back != c || message != c.String() {
			t.Errorf("ParseErrorJSON(%s) = %d, %q, %v", want.body, back, message, err)
		}
	}
	if got := string(engineio.Forbidden.AppendJSON([]byte("x"), `no "entry"`)); got != `x{"code":4,"message":"no \"entry\""}` {
		t.Errorf("own message: %s", got)
	}
	for _, bad := range []string{"", "<html>", "{}", `{"message":"x"}`, `{"code":"x"}`} {
		if _, _, err := engineio.ParseErrorJSON([]byte(bad)); err == nil {
			t.Errorf("ParseErrorJSON(%q) gives no error", bad)
		}
	}
}
