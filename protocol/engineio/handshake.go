package engineio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Handshake is the payload of the Open packet, with which the server begins a session.
type Handshake struct {
	SID          string        // session id; a secret, it gives access to the session
	Upgrades     []string      // transports the current one may move to
	PingInterval time.Duration // from one heartbeat to the next; whole milliseconds on the wire
	// how long an answer to a heartbeat may take; whole milliseconds on the wire
	PingTimeout time.Duration
	// longest body or message the server accepts, in bytes; 0 when it does not say
	MaxPayload int
}

// AppendJSON appends h as the JSON of an Open packet to dst and returns the extended slice. The
// five keys are always written, in the order of the specification; fractions of a millisecond are
// dropped.
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

// Bounds of what ParseHandshake believes: a year between heartbeats, and the largest length that
// every platform can hold.
const (
	maxMillis  = 365 * 24 * 60 * 60 * 1000
	maxPayload = math.MaxInt32
)

// ParseHandshake decodes the payload of an Open packet. Keys may come in any order and unknown ones
// are ignored. The session id and a positive ping interval are required; servers older than
// maxPayload leave that key out, and one above 2^31-1 is read as that. The result does not alias b.
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
	case !(w.PingInterval >= 1 && w.PingInterval <= maxMillis):
		return Handshake{}, fmt.Errorf("engine.io handshake: pingInterval %v is not a positive number of milliseconds", w.PingInterval)
	case !(w.PingTimeout >= 0 && w.PingTimeout <= maxMillis):
		return Handshake{}, fmt.Errorf("engine.io handshake: pingTimeout %v is not a number of milliseconds", w.PingTimeout)
	case w.MaxPayload < 0:
		return Handshake{}, fmt.Errorf("engine.io handshake: maxPayload %v is negative", w.MaxPayload)
	}
	return Handshake{
		SID:          w.SID,
		Upgrades:     w.Upgrades,
		PingInterval: time.Duration(w.PingInterval * float64(time.Millisecond)),
		PingTimeout:  time.Duration(w.PingTimeout * float64(time.Millisecond)),
		MaxPayload:   int(min(w.MaxPayload, maxPayload)),
	}, nil
}

// appendString appends s as a JSON string, in the form of JSON.stringify. Invalid UTF-8 becomes
// U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	const short = "\b\t\n\f\r" // what has an escape of one letter
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= 0x20:
			dst = utf8.AppendRune(dst, r)
		default:
			if i := strings.IndexRune(short, r); i >= 0 {
				dst = append(dst, '\\', "btnfr"[i])
				continue
			}
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		}
	}
	return append(dst, '"')
}
