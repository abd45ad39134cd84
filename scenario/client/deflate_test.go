package client

import (
	"bytes"
	"compress/flate"
	"strings"
	"testing"

	ws "github.com/throng-io/throng/protocol/websocket"
)

// deflated plays a server that takes the offer of compression with some parameters. It compresses
// all that it sends with one window.
func deflated(t *testing.T, answer string, script func(p *peer, say func(string), heard func() string)) string {
	return listen(t, func(p *peer) {
		req, _ := p.request()
		if req == nil {
			return
		}
		if got := req.Header.Get("Sec-WebSocket-Extensions"); got != ws.Deflate+"; client_max_window_bits" {
			t.Errorf("offered %q", got)
		}
		p.put("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: " + answer +
			"\r\nSec-WebSocket-Accept: " + acceptKey(req) + "\r\n\r\n")
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, flate.BestCompression)
		p.put(text(open(25000, 20000, "")))
		say := func(s string) {
			out.Reset()
			if strings.Contains(answer, "server_no_context_takeover") {
				w.Reset(&out)
			}
			_, _ = w.Write([]byte(s))
			_ = w.Flush()
			whole := strings.TrimSuffix(out.String(), "\x00\x00\xff\xff")
			p.put(frame(0x41, whole[:1]) + frame(0x89, "between") + frame(0x80, whole[1:])) // RSV1 is of the first fragment
		}
		heard := func() string {
			for {
				first, payload, err := p.clientFrame()
				switch {
				case err != nil:
					return err.Error()
				case first == 0x8a: // the pong of between
					continue
				case first&ws.RSV1 == 0:
					return payload
				}
				var buf bytes.Buffer
				if err := ws.Inflate(&buf, []byte(payload), nil, 1<<20); err != nil {
					t.Error(err)
				}
				return buf.String() + ", compressed"
			}
		}
		heard()
		say(`40{"sid":"public"}`)
		script(p, say, heard)
	})
}

func TestCompression(t *testing.T) {
	long := strings.Repeat("once upon a time ", 4000) // above the window
	for _, answer := range []string{ws.Deflate, ws.Deflate + "; server_no_context_takeover; client_no_context_takeover", ws.Deflate + ";server_max_window_bits=15", ws.Deflate + "; client_max_window_bits=15", ws.Deflate + `; client_max_window_bits="9"`} {
		got := make(chan string, 2)
		url := deflated(t, answer, func(p *peer, say func(string), heard func() string) {
			for range 3 {
				say(`42["a","` + long + `"]`)
			}
			p.put(text(`42["b",1]`)) // as it is
			say(`42["c","once upon"]`)
			got <- heard()
			got <- heard()
			p.slurp()
		})
		c := dial(t, &Config{URL: url, Compress: true})
		if c.Uncompressed() {
			t.Error(answer, "was taken for a refusal")
		}
		h := newHeard()
		done := run(t, c, h)
		a := `event a ["` + long + `"]`
		equal(t, h.wait(t, 5), a, a, a, `event b [1]`, `event c ["once upon"]`)
		message, marked := `2["d","`+long+`"]`, ", compressed"
		if strings.HasSuffix(answer, `"9"`) {
			marked = "" // it is longer than the window that the server has for it
		}
		if err := c.Send([]byte(message)); err != nil {
			t.Fatal(err)
		}
		if err := c.Send([]byte(`2["e"]`)); err != nil {
			t.Fatal(err)
		}
		if one, two := <-got, <-got; one != "4"+message+marked || two != `42["e"]` && two != `42["e"], compressed` {
			t.Errorf("%s: the server got %.60s of %d and %s", answer, one, len(one), two)
		}
		c.Close()
		ends(t, done, ClientDisconnect)
		if n := cap(c.ws.deflate.window); n > 3*ws.Window {
			t.Errorf("%d bytes of messages are kept for the next one", n)
		}
	}
}

// TestCompressionDeclined: without the server's word nothing is compressed.
func TestCompressionDeclined(t *testing.T) {
	url := session(t, 25000, 20000, func(p *peer) {
		p.expect(`42["` + strings.Repeat("a", 100) + `"]`)
		p.slurp()
	})
	c := dial(t, &Config{URL: url, Compress: true})
	run(t, c, newHeard())
	if !c.Uncompressed() {
		t.Error("compressed")
	}
	if err := c.Send([]byte(`2["` + strings.Repeat("a", 100) + `"]`)); err != nil {
		t.Fatal(err)
	}
}

func TestCompressionBroken(t *testing.T) {
	for answer, want := range map[string]string{
		"x-other": "an extension that was not offered",
		ws.Deflate + "; client_max_window_bits=16":  `client_max_window_bits=16" for the compression; a window has 8 to 15 bits`,
		ws.Deflate + "; client_max_window_bits":     `client_max_window_bits" for the compression`,
		ws.Deflate + ", " + ws.Deflate:              "an extension that was not offered",
		ws.Deflate + "; server_no_context; a=\"b\"": `"server_no_context"`,
	} {
		url := listen(t, func(p *peer) {
			if req, _ := p.request(); req != nil {
				p.put("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: " + answer +
					"\r\nSec-WebSocket-Accept: " + acceptKey(req) + "\r\n\r\n")
				p.slurp()
			}
		})
		fails(t, t.Context(), &Config{URL: url, Compress: true}, "open", "protocol")
		if e := fails(t, t.Context(), &Config{URL: url, Compress: true}, "open", "protocol"); !strings.Contains(e, want) {
			t.Errorf("%s: %s", answer, e)
		}
	}
	for name, said := range map[string]string{"too long": strings.Repeat("x", 5000), "broken": ""} {
		t.Run(name, func(t *testing.T) {
			url := deflated(t, ws.Deflate, func(p *peer, say func(string), _ func() string) {
				if said == "" {
					p.put(frame(0xc1, "\x06"))
				} else {
					say(said)
				}
				p.slurp()
			})
			done := run(t, dial(t, &Config{URL: url, Compress: true, MaxMessage: 1000}), newHeard())
			want := map[string]string{"too long": "the message is larger than the 1000 bytes", "broken": "not compressed as it should be"}[name]
			if err := <-done; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
