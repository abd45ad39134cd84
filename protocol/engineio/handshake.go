package engineio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Handshake is the payload of the Open packet, with which the server begins a
// session.
type Handshake struct {
	SID          string        // session id; a secret, it gives access to the session
	Upgrades     []string      // transports the current one may move to
	PingInterval time.Duration // from one heartbeat to the next; whole milliseconds on the wire
	PingTimeout  time.Duration // how long an answer to a heartbeat may take; whole milliseconds on the wire
	MaxPayload   int           // longest body or message the server accepts, in bytes; 0 when it does not say
}

// AppendJSON appends h as the JSON of an Open packet to dst and returns the
// extended slice. The five keys are always written, in the order of the
// specification; fractions of a millisecond are dropped.
func (h Handshake) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"sid":`...)
	dst = appendString(dst, h.SID)
	dst = append(dst, `,"upgrades":[`...)
	for i, name := range h.Upgrades {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, name)
	}
	dst = append(dst, `],"pingInterval":`...)
	dst = strconv.AppendInt(dst, h.PingInterval.Milliseconds(), 10)
	dst = append(dst, `,"pingTimeout":`...)
	dst = strconv.AppendInt(dst, h.PingTimeout.Milliseconds(), 10)
	dst = append(dst, `,"maxPayload":`...)
	dst = strconv.AppendInt(dst, int64(h.MaxPayload), 10)
	return append(dst, '}')
}

// maxMillis is the longest duration in milliseconds that time.Duration holds.
const maxMillis = math.MaxInt64 / int64(time.Millisecond)

// ParseHandshake decodes the payload of an Open packet. Keys may come in any
// order and unknown ones are ignored. The session id and a positive ping
// interval are required; servers older than maxPayload leave that key out. The
// result does not alias b.
func ParseHandshake(b []byte) (Handshake, error) {
	var w struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval float64  `json:"pingInterval"`
		PingTimeout  float64  `json:"pingTimeout"`
		MaxPayload   float64  `json:"maxPayload"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return Handshake{}, fmt.Errorf("engine.io handshake: %w", err)
	}
	switch {
	case w.SID == "":
		return Handshake{}, errors.New("engine.io handshake: no sid")
	case !(w.PingInterval >= 1 && w.PingInterval <= float64(maxMillis)/2):
		return Handshake{}, fmt.Errorf("engine.io handshake: pingInterval %v is not a positive number of milliseconds", w.PingInterval)
	case !(w.PingTimeout >= 0 && w.PingTimeout <= float64(maxMillis)/2):
		return Handshake{}, fmt.Errorf("engine.io handshake: pingTimeout %v is not a number of milliseconds", w.PingTimeout)
	case !(w.MaxPayload >= 0 && w.MaxPayload <= math.MaxInt32):
		return Handshake{}, fmt.Errorf("engine.io handshake: maxPayload %v is not a number of bytes", w.MaxPayload)
	}
	return Handshake{
		SID:          w.SID,
		Upgrades:     w.Upgrades,
		PingInterval: time.Duration(w.PingInterval * float64(time.Millisecond)),
		PingTimeout:  time.Duration(w.PingTimeout * float64(time.Millisecond)),
		MaxPayload:   int(w.MaxPayload),
	}, nil
}

// appendString appends s as a JSON string, in the form of JSON.stringify.
// Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
