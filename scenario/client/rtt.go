package client

import (
	"encoding/binary"
	"time"
)

// A Heart is a Handler that wants to know the round trips of the heartbeat. RTT
// may be called from any goroutine.
//
// With each ping of the engine, which only the server sends, a client on
// websocket sends a ping frame of its own (RFC 6455, section 5.5.2), whose pong
// takes the same way through the server; on polling it is the POST with the
// engine's pong, until it is answered. WebTransport has neither: there it is not measured.
type Heart interface {
	RTT(d time.Duration)
}

// beats receives the measured round trips; may be nil.
func (c *Client) beats() Heart {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heart
}

func (c *Client) listen(h Handler) {
	heart, is := h.(Heart)
	if !is {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heart = heart
}

// echo sends a ping frame that carries the time.
func (w *websocket) echo() {
	if w.quic != nil || w.c.beats() == nil {
		return
	}
	_ = w.sendFrames(timePing()) // a full queue loses it, and its sample
}

// echoed takes the pong to one.
func (w *websocket) echoed(payload []byte) {
	heart := w.c.beats()
	if len(payload) != plainPing {
		return
	}
	if w.c.beat != nil {
		w.c.beat.ponged(w.rd.arrival()) // which measures it
		return
	}
	if heart == nil {
		return
	}
	if d := w.rd.arrival().moment() - time.Duration(binary.BigEndian.Uint64(payload)); d >= 0 && d < time.Hour {
		heart.RTT(d)
	}
}
