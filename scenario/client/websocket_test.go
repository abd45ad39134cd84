package client

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ws "github.com/throng-io/throng/protocol/websocket"
)

func TestReceiveByteByByte(t *testing.T) {
	url := listen(t, func(p *peer) {
		req, _ := p.request()
		p.drip("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\nUpgrade:websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: " +
			acceptKey(req) + "\r\n\r\n" + text(open(25000, 20000, "")))
		p.expect("40")
		p.drip(text(`40{"sid":"x"}`) + text(`42["a",1]`) + text(`437[true]`) +
			text(`451-7["b",{"_placeholder":true,"num":0}]`) + frame(0x82, "\x00\xff"))
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	h := newHeard()
	run(t, c, h)
	equal(t, h.wait(t, 3), `event a [1]`, `ack #7 [true]`, `event b #7 [{"_placeholder":true,"num":0}] 00ff`)
}

// A burst is one write of the server; all its frames carry the receive time of
// the read that brought them.
func TestReceiveBurst(t *testing.T) {
	var burst strings.Builder
	for i := range 100 {
		burst.WriteString(text(fmt.Sprintf(`42["m",%d]`, i)))
	}
	url := session(t, 25000, 20000, func(p *peer) {
		p.put(burst.String())
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	h := newHeard()
	before := Now()
	run(t, c, h)
	for i, got := range h.wait(t, 100) {
		if want := fmt.Sprintf("event m [%d]", i); got != want {
			t.Fatalf("%d: %s", i, got)
		}
	}
	reads := 1
	for i := 1; i < 100; i++ {
		if h.at[i] < h.at[i-1] || h.at[i] > Now() {
			t.Fatalf("receive time %v after %v", h.at[i], h.at[i-1])
		}
		if h.at[i] != h.at[i-1] {
			reads++
		}
	}
	if reads > 3 || h.at[0] < before-patience {
		t.Errorf("a burst of 100 frames took %d reads", reads)
	}
}

func TestReceiveFragments(t *testing.T) {
	url := session(t, 25000, 20000, func(p *peer) {
		// The first fragment of one byte, as some servers have it.
		p.put(frame(0x01, "4") + frame(0x80, `2["a"]`))
		// Control frames may stand between fragments, empty fragments are legal.
		p.put(frame(0x01, `42["b`) + frame(0x89, "are you there") + frame(0x00, "") + frame(0x00, `",`) + frame(0x8a, "") + frame(0x80, `1]`))
		p.put(text(`451-["c",{"_placeholder":true,"num":0}]`) + frame(0x02, "ab") + frame(0x80, "cd"))
		p.put(text(`42["d"]`))
		first, payload, err := p.clientFrame()
		if first != 0x8a || payload != "are you there" || err != nil {
			t.Errorf("pong: %#x %q %v", first, payload, err)
		}
		p.put(text("41"))
		p.slurp()
	})
	h := newHeard()
	ends(t, run(t, dial(t, &Config{URL: url}), h), ServerDisconnect)
	equal(t, h.wait(t, 4), "event a []", "event b [1]", `event c [{"_placeholder":true,"num":0}] 61626364`, "event d []")
}

// Lengths around the borders of the header's forms and of the read buffer,
// with the buffer growing for the large ones and shrinking again.
func TestReceiveLengths(t *testing.T) {
	sizes := []int{125, 126, 127, 65535, 65536, readSize - 4, readSize - 3, readSize, 3 * readSize, 1 << 20, 12}
	url := session(t, 25000, 20000, func(p *peer) {
		for _, n := range sizes {
			p.put(text(`42["m","` + strings.Repeat("x", n-len(`42["m",""]`)) + `"]`))
			p.expect(fmt.Sprintf(`42["got",%d]`, n))
		}
		p.put(text(`42["end"]`))
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	h := &replier{c: c, end: make(chan int, 1)}
	done := run(t, c, h)
	select {
	case held := <-h.end:
		if held > readSize {
			t.Errorf("%d bytes are still held after a large message", held)
		}
	case <-time.After(patience):
		t.Fatal("no end")
	}
	c.Close()
	ends(t, done, ClientDisconnect)
	if c.ws.rd != nil && c.ws.rd.buf != nil {
		t.Error("a buffer is held after the end")
	}
}

// replier answers each event with the length of the frame's payload.
type replier struct {
	c   *Client
	end chan int
}

func (r *replier) Event(m *Message) {
	if string(m.Name) == "end" {
		r.end <- len(r.c.ws.rd.buf)
		return
	}
	_ = r.c.Send(fmt.Appendf(nil, `2["got",%d]`, len(m.Args)+len(`42["m",]`)))
}

func (r *replier) Ack(*Message) {}

func TestBrokenFrames(t *testing.T) {
	tests := []struct {
		name, wire string
		code       ws.Code
	}{
		{"reserved bit", frame(0xc1, `42["a"]`), ws.CodeProtocolError},
		{"masked", "\x81\x81\x00\x00\x00\x00a", ws.CodeProtocolError},
		{"opcode 3", frame(0x83, "a"), ws.CodeProtocolError},
		{"opcode 11", frame(0x8b, "a"), ws.CodeProtocolError},
		{"fragmented ping", frame(0x09, "a"), ws.CodeProtocolError},
		{"long ping", "\x89\x7e\x00\x80" + strings.Repeat("x", 128), ws.CodeProtocolError},
		{"lone continuation", frame(0x80, "a"), ws.CodeProtocolError},
		{"message inside message", frame(0x01, "4") + text("2"), ws.CodeProtocolError},
		{"length with its highest bit", "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x01", ws.CodeProtocolError},
		{"one-byte close", frame(0x88, "x"), ws.CodeProtocolError},
		{"close with a code that is never sent", frame(0x88, "\x03\xee"), ws.CodeProtocolError},
		{"close with a reason that is not UTF-8", frame(0x88, "\x03\xe8\xff"), ws.CodeInvalidData},
		{"oversize", text(strings.Repeat("x", 1001)), ws.CodeTooBig},
		{"oversize announced", "\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00", ws.CodeTooBig},
		{"oversize in fragments", frame(0x01, strings.Repeat("x", 600)) + frame(0x80, strings.Repeat("x", 600)), ws.CodeTooBig},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer := make(chan string, 1)
			url := session(t, 25000, 20000, func(p *peer) {
				p.put(test.wire)
				first, payload, err := p.clientFrame()
				answer <- fmt.Sprintf("%#x %x %v", first, payload, err)
				p.slurp()
			})
			c := dial(t, &Config{URL: url, MaxMessage: 1000})
			ends(t, run(t, c, newHeard()), TransportError)
			if got, want := <-answer, fmt.Sprintf("0x88 %04x <nil>", test.code); got != want {
				t.Errorf("answered %s, want %s", got, want)
			}
			if err := c.Send([]byte(`2["a"]`)); !errors.Is(err, ErrClosed) {
				t.Errorf("Send after the end: %v", err)
			}
		})
	}
}

func TestReceiveParseErrors(t *testing.T) {
	for name, wire := range map[string]string{
		"engine type":        text("x"),
		"empty frame":        text(""),
		"socket type":        text("49"),
		"bad JSON":           text(`42["a",]`),
		"no payload":         text("42"),
		"reserved name":      text(`42["connect"]`),
		"invalid UTF-8":      text("42[\"\xff\"]"),
		"stray attachment":   frame(0x82, "abc"),
		"text for binary":    text(`451-["a",{"_placeholder":true,"num":0}]`) + text(`42["b"]`),
		"bad base64":         text("b!"),
		"count without dash": text(`451["a"]`),
	} {
		t.Run(name, func(t *testing.T) {
			url := session(t, 25000, 20000, func(p *peer) {
				p.put(wire)
				p.slurp()
			})
			ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), ParseError)
		})
	}
}

func TestSessionEnds(t *testing.T) {
	t.Run("server disconnect", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) {
			p.put(text(`42["last"]`) + text("41"))
			p.slurp()
		})
		h := newHeard()
		ends(t, run(t, dial(t, &Config{URL: url}), h), ServerDisconnect)
		equal(t, h.wait(t, 1), "event last []")
	})
	t.Run("engine close", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) { p.put(text("1")); p.slurp() })
		ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), TransportClose)
	})
	t.Run("close frame", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) {
			p.put(frame(0x88, "\x03\xe9going away"))
			if first, payload, err := p.clientFrame(); first != 0x88 || payload != "\x03\xe9" || err != nil {
				t.Errorf("echo of close: %#x %q %v", first, payload, err)
			}
		})
		e := ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), TransportClose)
		if !strings.Contains(e, `1001 "going away"`) {
			t.Error(e)
		}
	})
	t.Run("between frames", func(t *testing.T) {
		url := session(t, 25000, 20000, func(*peer) {})
		e := ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), TransportClose)
		if !strings.HasSuffix(e, ": EOF") {
			t.Error(e)
		}
	})
	t.Run("mid frame", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) { p.put(text(`42["abc"]`)[:6]) })
		h := newHeard()
		e := ends(t, run(t, dial(t, &Config{URL: url}), h), TransportClose)
		if !strings.HasSuffix(e, "unexpected EOF") || len(h.log) != 0 {
			t.Error(e, h.log)
		}
	})
	t.Run("mid message", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) { p.put(frame(0x01, "42[")) })
		if e := ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), TransportClose); !strings.HasSuffix(e, "unexpected EOF") {
			t.Error(e)
		}
	})
	t.Run("close by a handler", func(t *testing.T) {
		rest := make(chan []string, 1)
		url := session(t, 25000, 20000, func(p *peer) {
			p.put(text(`42["a"]`))
			var got []string
			for {
				first, payload, err := p.clientFrame()
				if err != nil {
					rest <- got
					return
				}
				got = append(got, fmt.Sprintf("%#x %s", first, payload))
			}
		})
		c := dial(t, &Config{URL: url})
		ends(t, run(t, c, closer{c}), ClientDisconnect)
		equal(t, <-rest, "0x81 41", "0x88 ")
	})
	t.Run("close before run", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) { p.slurp() })
		c := dial(t, &Config{URL: url})
		c.Close()
		c.Close()
		ends(t, run(t, c, newHeard()), ClientDisconnect)
	})
}

type closer struct{ c *Client }

func (h closer) Event(*Message) { h.c.Close(); h.c.Close() }
func (h closer) Ack(*Message)   {}

func TestHeartbeat(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		url := session(t, 25000, 20000, func(p *peer) {
			for range 3 {
				p.put(text("2"))
				p.expect("3")
			}
			p.put(text("41"))
			p.slurp()
		})
		ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), ServerDisconnect)
	})
	t.Run("never", func(t *testing.T) {
		url := session(t, 60, 40, func(p *peer) { p.slurp() })
		ends(t, run(t, dial(t, &Config{URL: url}), newHeard()), PingTimeout)
	})
	t.Run("events are no pings", func(t *testing.T) {
		came := make(chan struct{})
		url := session(t, 60, 40, func(p *peer) {
			for n := 0; ; n++ {
				if _, err := io.WriteString(p, text(`42["a"]`)); err != nil {
					return
				}
				if n == 0 {
					close(came)
				}
				time.Sleep(time.Millisecond)
			}
		})
		h := &counter{}
		c := dial(t, &Config{URL: url})
		<-came // it is there, however soon the time is over
		ends(t, run(t, c, h), PingTimeout)
		if h.n.Load() == 0 {
			t.Error("no event")
		}
	})
	foundLate(t, func(t *testing.T, script func(p *peer)) *Config { return &Config{URL: listen(t, script)} })
}

// foundLate checks that a process which was too busy to read in time finds the ping among the data
// that has arrived, read or unread, and keeps the session.
func foundLate(t *testing.T, serve func(t *testing.T, script func(p *peer)) *Config) {
	for name, read := range map[string]bool{"found late": false, "handled late": true} {
		t.Run(name, func(t *testing.T) {
			h := &sleeper{d: 100 * time.Millisecond, asleep: make(chan struct{}), pinged: make(chan struct{})}
			came := make(chan struct{})
			cfg := serve(t, func(p *peer) {
				join(p, 25000, 20000, func(p *peer) {
					if read {
						p.put(text(`42["sleep"]`) + text("2"))
						close(came)
					} else {
						p.put(text(`42["sleep"]`))
						close(came)
						<-h.asleep
						p.put(text("2"))
					}
					close(h.pinged)
					p.expect("3")
					p.put(text("41"))
					p.slurp()
				})
			})
			c := dial(t, cfg)
			<-came
			c.lastPing -= 45*time.Second - 50*time.Millisecond // the time is over when the handler wakes
			ends(t, run(t, c, h), ServerDisconnect)
		})
	}
}

type counter struct{ n atomic.Int64 }

func (h *counter) Event(*Message) { h.n.Add(1) }
func (h *counter) Ack(*Message)   {}

// sleeper sleeps in its handler, and not before the ping is there.
type sleeper struct {
	d              time.Duration
	asleep, pinged chan struct{}
}

func (h *sleeper) Event(*Message) { close(h.asleep); <-h.pinged; time.Sleep(h.d) }
func (h *sleeper) Ack(*Message)   {}
