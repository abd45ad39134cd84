package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestWebTransport(t *testing.T) {
	var last error
	ended := make(chan struct{})
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		defer close(ended)
		if p.request.URL.RawQuery != "" || p.request.URL.Path != DefaultPath || p.request.Header.Get("X-Own") != "1" {
			t.Errorf("the request is %s with %v", p.request.URL, p.request.Header)
		}
		if !p.join(25000, 20000) {
			return
		}
		p.text("2")
		p.text(`42["news",1]`)
		if !p.expect("3") || !p.expect(`420["ask",2]`) {
			return
		}
		p.text(`430[3]`)
		if !p.expect(`451-["raw",{"_placeholder":true,"num":0}]`) {
			return
		}
		q, err := p.packet()
		if err != nil || !q.Binary {
			t.Errorf("attachment: %v %v", q, err)
		}
		p.text(`451-["raw",{"_placeholder":true,"num":0}]`)
		_, _ = p.Write(engineio.AppendFrame(nil, q))
		p.text(`42["long","` + strings.Repeat("x", 70_000) + `"]`)
		p.expect("41")
		_, last = p.packet()
	})
	cfg := quicConfig(addr, conf)
	cfg.Header = map[string][]string{"X-Own": {"1"}}
	cfg.Query = map[string][]string{"not": {"carried"}}
	c := dial(t, cfg)
	if tm := c.Timings; tm.QUIC <= 0 || tm.Open <= 0 || tm.Namespace <= 0 || tm.TCP != 0 || tm.TLS != 0 {
		t.Errorf("timings %+v", tm)
	}
	h := newHeard()
	done := run(t, c, h)
	h.wait(t, 1)
	if err := c.Send([]byte(`20["ask",2]`)); err != nil {
		t.Fatal(err)
	}
	h.wait(t, 2)
	if err := c.SendBinary([]byte(`51-["raw",{"_placeholder":true,"num":0}]`), make([]byte, 300)); err != nil {
		t.Fatal(err)
	}
	log := h.wait(t, 4)
	log[2], log[3] = log[2][:20], log[3][:20]
	equal(t, log, "event news [1]", "ack #0 [3]", `event raw [{"_placeho`[:20], `event long ["xxxxxxxxx`[:20])
	if in, out := c.Bytes(); in < 70_000 || out < 300 {
		t.Errorf("bytes %d in, %d out", in, out)
	}
	c.Close()
	ends(t, done, ClientDisconnect)
	<-ended
	if !errors.Is(last, io.EOF) {
		t.Errorf("the server's stream ended with %v", last)
	}
	if in, _ := c.Bytes(); in < 70_000 {
		t.Errorf("after the end %d bytes in", in)
	}
	if err := c.Send([]byte(`2["x"]`)); !errors.Is(err, ErrClosed) {
		t.Errorf("send after the end: %v", err)
	}
}

// TestWebTransportUpgrade moves from polling, and stays there where that fails.
func TestWebTransportUpgrade(t *testing.T) {
	var s *dance
	sent := make(chan struct{})
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		if !p.expect(`0{"sid":"SID"}`) || !p.expect("2probe") {
			return
		}
		<-s.polled
		p.text("3probe")
		s.release <- "6"
		if !p.expect("5") {
			return
		}
		p.text(`42["moved"]`)
		<-sent
		p.expect(`42["up"]`)
	})
	s, url := newDance(t, `"websocket","webtransport"`, nil)
	defer close(s.release)
	cfg := &Config{URL: url, Transport: UpgradeWebTransport, TLS: conf, H3: addr}
	c := dial(t, cfg)
	if c.UpgradeErr != nil || c.Timings.Upgrade <= 0 || c.Timings.QUIC <= 0 {
		t.Fatalf("upgrade: %v, %+v", c.UpgradeErr, c.Timings)
	}
	h := newHeard()
	done := run(t, c, h)
	equal(t, h.wait(t, 1), "event moved []")
	if err := c.Send([]byte(`2["up"]`)); err != nil {
		t.Fatal(err)
	}
	close(sent)
	ends(t, done, TransportClose)
}

func TestWebTransportUpgradeFails(t *testing.T) {
	for name, x := range map[string]struct{ upgrades, class string }{
		"not offered": {`"websocket"`, "protocol"},
		"blocked":     {`"webtransport"`, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			silent, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			s, url := newDance(t, x.upgrades, nil)
			s.release <- "6"
			cfg := &Config{URL: url, Transport: UpgradeWebTransport, H3: silent.LocalAddr().String(), UpgradeTimeout: 300 * time.Millisecond}
			c := dial(t, cfg)
			var e *DialError
			if !errors.As(c.UpgradeErr, &e) || e.Stage != "upgrade" || e.Class != x.class {
				t.Fatalf("upgrade: %v", c.UpgradeErr)
			}
			h := newHeard()
			done := run(t, c, h)
			s.release <- `42["polled"]`
			equal(t, h.wait(t, 1), "event polled []")
			close(s.release)
			ends(t, done, TransportClose)
		})
	}
}

// TestWebTransportRefused checks the class of each way in which no session comes to be.
func TestWebTransportRefused(t *testing.T) {
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		if q, err := p.packet(); err == nil && len(q.Data) == 0 {
			_ = p.session.CloseWithError(1+webtransport.SessionErrorCode(engineio.Forbidden), engineio.Forbidden.String())
		}
	})
	t.Run("engine", func(t *testing.T) {
		fails(t, t.Context(), quicConfig(addr, conf), "open", "engine.4")
	})
	t.Run("certificate", func(t *testing.T) {
		for what, conf := range map[string]*tls.Config{
			"unknown authority": nil,
			"other name":        {RootCAs: conf.RootCAs, ServerName: "other.test"},
			"expired":           {RootCAs: conf.RootCAs, Time: func() time.Time { return time.Now().Add(24 * time.Hour) }},
		} {
			text := fails(t, t.Context(), quicConfig(addr, conf), "quic", "tls")
			if !strings.Contains(text, "certificate") {
				t.Errorf("%s: %s", what, text)
			}
		}
	})
	t.Run("status", func(t *testing.T) {
		addr, conf := serveQUIC(t, func(*webtransport.Server, func()) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not from there", http.StatusForbidden) }
		})
		fails(t, t.Context(), quicConfig(addr, conf), "open", "http.403")
	})
	t.Run("other protocol", func(t *testing.T) {
		addr, conf := acceptQUIC(t, "other", nil)
		fails(t, t.Context(), quicConfig(addr, conf), "quic", "no_webtransport")
	})
	t.Run("HTTP/3 alone", func(t *testing.T) {
		s := &http3.Server{EnableDatagrams: true}
		addr, conf := acceptQUIC(t, http3.NextProtoH3, func(c *quic.Conn) { _ = s.ServeQUICConn(c) })
		fails(t, t.Context(), quicConfig(addr, conf), "open", "no_webtransport")
	})
	t.Run("version", func(t *testing.T) {
		fails(t, t.Context(), quicConfig(versionless(t), conf), "quic", "quic_version")
	})
	t.Run("blocked", func(t *testing.T) {
		silent, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		cfg := quicConfig(silent.LocalAddr().String(), conf)
		cfg.Timeout = 300 * time.Millisecond
		fails(t, t.Context(), cfg, "quic", "timeout")
	})
	t.Run("nothing listens", func(t *testing.T) {
		gone, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		gone.Close()
		fails(t, t.Context(), quicConfig(gone.LocalAddr().String(), conf), "quic", "refused")
	})
	t.Run("silent", func(t *testing.T) {
		addr, conf := acceptQUIC(t, http3.NextProtoH3, nil)
		cfg := quicConfig(addr, conf)
		var e *DialError
		for cfg.Timeout = time.Second; cfg.Timeout < patience; cfg.Timeout *= 4 { // HTTP/3's settings never come
			if _, err := Dial(t.Context(), cfg); !errors.As(err, &e) || e.Class != "timeout" {
				t.Fatalf("%v, want a timeout", err)
			}
			if e.Stage == "open" { // a slow machine may not get as far within a short time
				return
			}
		}
		t.Errorf("%v, want it in the stage open", e)
	})
	t.Run("no name", func(t *testing.T) {
		cfg := quicConfig("127.0.0.1:1", conf)
		cfg.H3 = "no-such-host.invalid:1"
		fails(t, t.Context(), cfg, "quic", "dns")
	})
	t.Run("no such source", func(t *testing.T) {
		cfg := quicConfig(addr, conf)
		cfg.LocalAddr = netip.MustParseAddr("192.0.2.1")
		fails(t, t.Context(), cfg, "quic", "ports")
	})
}

// versionless answers every Initial with a Version Negotiation packet (RFC 9000, section 17.2.1).
func versionless(t *testing.T) string {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2000)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			to := b[6 : 6+b[5]]
			source := b[6+len(to) : n]
			source = source[1 : 1+source[0]]
			answer := append([]byte{0x80, 0, 0, 0, 0, byte(len(source))}, source...)
			answer = append(append(answer, byte(len(to))), to...)
			_, _ = udp.WriteTo(append(answer, 0x1a, 0x2a, 0x3a, 0x4a), from)
		}
	})
	t.Cleanup(func() {
		udp.Close()
		wg.Wait()
	})
	return udp.LocalAddr().String()
}

// TestWebTransportLost checks how sessions end that the client does not end.
func TestWebTransportLost(t *testing.T) {
	for name, x := range map[string]struct {
		script func(p *wtPeer)
		reason string
	}{
		"closed":   {func(p *wtPeer) {}, TransportClose},
		"closes":   {func(p *wtPeer) { p.text("1") }, TransportClose},
		"leaves":   {func(p *wtPeer) { p.text("41") }, ServerDisconnect},
		"reset":    {func(p *wtPeer) { p.CancelWrite(7) }, TransportError},
		"garbage":  {func(p *wtPeer) { _, _ = p.Write([]byte{1, 'x'}) }, ParseError},
		"empty":    {func(p *wtPeer) { _, _ = p.Write([]byte{0}) }, ParseError},
		"oversize": {func(p *wtPeer) { _, _ = p.Write([]byte{127, 0, 0, 0, 0, 2, 0, 0, 0}) }, TransportError},
		"vanishes": {func(p *wtPeer) { p.vanish() }, PingTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			addr, conf := listenQUIC(t, func(p *wtPeer) {
				interval := 25000
				if name == "vanishes" {
					interval = 200
				}
				if p.join(interval, 200) && p.expect(`42["here"]`) {
					x.script(p)
				}
			})
			c := dial(t, quicConfig(addr, conf))
			done := run(t, c, newHeard())
			if err := c.Send([]byte(`2["here"]`)); err != nil {
				t.Fatal(err)
			}
			ends(t, done, x.reason)
		})
	}
	t.Run("vanished and cut", func(t *testing.T) {
		ended := make(chan error, 2)
		addr, conf := listenQUIC(t, func(p *wtPeer) {
			if p.join(25000, 20000) {
				_, err := p.packet()
				ended <- err
			}
		})
		udp := &UDP{}
		defer udp.Close()
		cfg := quicConfig(addr, conf)
		cfg.UDP = udp
		c, d := dial(t, cfg), dial(t, cfg)
		left, cut := run(t, c, newHeard()), run(t, d, newHeard())
		c.Vanish()
		ends(t, left, TransportClose)
		d.Cut()
		ends(t, cut, TransportClose)
		if err := <-ended; err == nil {
			t.Error("a client that was cut has sent something")
		}
		select {
		case err := <-ended:
			t.Errorf("the server knows of the client that has vanished: %v", err)
		default:
		}
		c.CloseVanished()
		if err := <-ended; err == nil {
			t.Error("a client that has vanished has sent something")
		}
	})
}

// TestWebTransportSend sends what QUIC has room for at once: with a goroutine, Busy would hold
// volatile messages back.
func TestWebTransportSend(t *testing.T) {
	const n = 50
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		if p.join(25000, 20000) {
			for i := range n {
				p.expect(fmt.Sprintf(`42["n",%d]`, i))
			}
		}
	})
	c := dial(t, quicConfig(addr, conf))
	done := run(t, c, newHeard())
	for i := range n {
		if err := c.Send(fmt.Appendf(nil, `2["n",%d]`, i)); err != nil {
			t.Fatal(err)
		}
		if c.Busy() {
			t.Fatalf("packet %d waits", i)
		}
	}
	ends(t, done, TransportClose)
}

// TestWebTransportEndsWhileItSends ends a session in good order whose client is sending: that it
// cannot send any more is no failure of the transport.
func TestWebTransportEndsWhileItSends(t *testing.T) {
	for range 5 {
		addr, conf := listenQUIC(t, func(p *wtPeer) {
			if p.join(25000, 20000) && p.expect(`42["n"]`) {
				_ = p.session.CloseWithError(0, "")
			}
		})
		c := dial(t, quicConfig(addr, conf))
		done := run(t, c, newHeard())
		for err := error(nil); err == nil || errors.Is(err, ErrBackpressure); {
			err = c.Send([]byte(`2["n"]`))
		}
		ends(t, done, TransportClose)
	}
}

// TestWebTransportBackpressure fills the queue of a session whose server does not read.
func TestWebTransportBackpressure(t *testing.T) {
	stop := make(chan struct{})
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		if p.join(25000, 20000) {
			<-stop
		}
	})
	defer close(stop)
	cfg := quicConfig(addr, conf)
	cfg.MaxQueue = 1 << 16
	c := dial(t, cfg)
	packet := []byte(`2["x","` + strings.Repeat("x", 10_000) + `"]`)
	for {
		err := c.Send(packet)
		if errors.Is(err, ErrBackpressure) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !c.Busy() || c.Unsent() == 0 {
		t.Error("a full queue is not busy")
	}
	c.Close()
}

// TestWebTransportBroadcast gives many sessions of one UDP the same messages, each once and in
// order.
func TestWebTransportBroadcast(t *testing.T) {
	const sessions, messages = 200, 20
	var ready sync.WaitGroup
	ready.Add(sessions)
	begin := make(chan struct{})
	addr, conf := listenQUIC(t, func(p *wtPeer) {
		joined := p.join(600_000, 60_000) // nobody pings, however long the others take to connect
		ready.Done()
		if !joined {
			return
		}
		<-begin
		_ = p.SetDeadline(time.Now().Add(patience))
		for i := range messages {
			p.text(fmt.Sprintf(`42["n",%d]`, i))
		}
		p.expect("41") // its end ends the session
	})
	udp := &UDP{}
	cfg := quicConfig(addr, conf)
	cfg.UDP = udp
	list := make([]*Client, sessions)
	heards := make([]*heard, sessions)
	done := make([]<-chan error, sessions)
	for i := range list {
		list[i], heards[i] = dial(t, cfg), newHeard()
		done[i] = run(t, list[i], heards[i])
	}
	ready.Wait()
	close(begin)
	for i, h := range heards {
		log := h.wait(t, messages)
		if len(log) != messages {
			t.Fatalf("client %d heard %d", i, len(log))
		}
		for n, what := range log {
			if want := fmt.Sprintf("event n [%d]", n); what != want {
				t.Fatalf("client %d heard %q as number %d", i, what, n)
			}
		}
	}
	for i, c := range list {
		c.Close()
		ends(t, done[i], ClientDisconnect)
	}
	udp.Close()
	fails(t, t.Context(), cfg, "quic", "closed")
}
