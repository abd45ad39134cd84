package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/scenario/machine"
)

// datagrams sends what is no QUIC, or begins like it: long headers of known and of unknown
// versions.
func datagrams(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return true
	}
	defer conn.Close()
	for range 50 {
		first := one("", "\xc0\x00\x00\x00\x01\x08", "\xff\x6b\x33\x43\xcf\x14", "\xc3\xfa\xfa\xfa\xfa\x00", "\x40")
		if _, err := io.WriteString(conn, first+noise(one(0, 1, 20, 1200, 1400))); err != nil {
			return true // the kernel tells of a closed port
		}
	}
	return true
}

// quicAlone makes the handshake and asks for nothing.
func quicAlone(ctx context.Context, address string) bool {
	secure := trust.Clone()
	secure.NextProtos = []string{http3.NextProtoH3}
	conn, err := quic.DialAddr(ctx, address, secure, &quic.Config{EnableDatagrams: true})
	if err != nil {
		return true
	}
	defer func() { _ = conn.CloseWithError(0, "") }()
	if one(true, false) {
		if stream, err := conn.OpenStreamSync(ctx); err == nil {
			_, _ = stream.Write([]byte(noise(500)))
		}
	}
	select {
	case <-conn.Context().Done():
		return true
	case <-ctx.Done():
		return false
	}
}

// A sessionOf is an attacker's session of WebTransport, and the stream on it.
type sessionOf struct {
	*webtransport.Stream
	close func()
}

// webTransport opens a session, and a stream with the handshake if asked for; nil if there is none
// to be had.
func webTransport(ctx context.Context, address string, open bool) *sessionOf {
	tr := &webtransport.Transport{
		TLSClientConfig: trust, QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	_, session, err := tr.Dial(ctx, "https://"+address+path+"webtransport", nil)
	if err != nil {
		_ = tr.Close()
		return nil
	}
	s := &sessionOf{close: func() {
		_ = session.CloseWithError(0, "")
		_ = tr.Close()
	}}
	if !open {
		return s
	}
	if s.Stream, err = session.OpenStreamSync(ctx); err != nil {
		s.close()
		return nil
	}
	if end, has := ctx.Deadline(); has {
		_ = s.SetDeadline(end)
	}
	s.say(framed("0") + framed("40"))
	return s
}

func (s *sessionOf) say(text string) { _, _ = io.WriteString(s, text) }

// finished reads to the end, and returns whether there was one before the attack was over.
func (s *sessionOf) finished() bool {
	_, err := io.Copy(io.Discard, s)
	return !isTimeout(err)
}

// framed is a packet as a frame of a stream.
func framed(packet string) string {
	return string(engineio.AppendFrame(nil, engineio.Packet{Type: engineio.Type(packet[0] - '0'), Data: []byte(packet[1:])}))
}

// noStream opens a session and nothing on it.
func noStream(ctx context.Context, address string) bool {
	s := webTransport(ctx, address, false)
	if s == nil {
		return true
	}
	defer s.close()
	return machine.Pause(ctx, time.Second)
}

// badStream sends frames that are none, too large, or hold what is no packet.
func badStream(ctx context.Context, address string) bool {
	s := webTransport(ctx, address, true)
	if s == nil {
		return true
	}
	defer s.close()
	huge := "\x7f" + string(binary.BigEndian.AppendUint64(nil, one[uint64](1_000_001, 1<<31, 1<<63)))
	s.say(one(noise(2000), "\x00", "\x80", huge+strings.Repeat("a", 10_000), framed("0"), framed("9")+framed("2probe"), framed("4"+strings.Repeat("[", 100_000)), framed("42[1"), "\x83abc"))
	return s.finished()
}

// slowStream begins a frame and goes on a byte at a time.
func slowStream(ctx context.Context, address string) bool {
	s := webTransport(ctx, address, true)
	if s == nil {
		return true
	}
	defer s.close()
	s.say("\x7e\xff\xff4")
	for machine.Pause(ctx, 100*time.Millisecond) {
		if _, err := s.Write([]byte("a")); err != nil {
			return true
		}
	}
	return false
}
