package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/websocket"
)

// line is an attacker's connection, on which it says what it likes. After the
// first error nothing is sent any more. It ends with its context.
type line struct {
	net.Conn
	ctx  context.Context
	r    *bufio.Reader
	err  error
	stop func() bool
}

// call opens a connection, nil if there is none to be had.
func call(ctx context.Context, target string) *line {
	var d interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	scheme, address, _ := strings.Cut(target, "://")
	if scheme == "https" {
		d = &tls.Dialer{Config: trust}
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	l := &line{Conn: conn, ctx: ctx, r: bufio.NewReader(conn)}
	l.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return l
}

func (l *line) close() {
	l.stop()
	_ = l.Close()
}

// reset closes the connection as a crash would.
func (l *line) reset() {
	conn := l.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	l.close()
}

func (l *line) say(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l, s)
	}
}

// finished reads to the end, and returns whether there was one before the attack
// was over.
func (l *line) finished() bool {
	_, err := io.Copy(io.Discard, l.r)
	return !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// answer reads one response, and returns its status and body, 0 if none came.
func (l *line) answer() (status int, body string) {
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return 0, ""
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, ""
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	return resp.StatusCode, string(b)
}

const path = "/socket.io/?EIO=4&transport="

func request(method, target string, more ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: hostile\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
}

func upgrade(query string, more ...string) string {
	return request("GET", path+"websocket"+query, append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, more...)...)
}

// socket opens a websocket, and joins a namespace unless that is empty; nil if
// the server will not have it.
func socket(ctx context.Context, target, namespace string, more ...string) *line {
	l := call(ctx, target)
	if l == nil {
		return nil
	}
	l.say(upgrade("", more...))
	if status, _ := l.answer(); status != http.StatusSwitchingProtocols {
		l.close()
		return nil
	}
	if namespace != "" {
		l.say(text("40" + namespace + ","))
	}
	return l
}

// session opens a session over polling and returns its id, "" if there is none.
func session(ctx context.Context, target string) (sid string) {
	_, body := exchange(ctx, target, request("GET", path+"polling", "Connection: close"))
	_, rest, _ := strings.Cut(body, `"sid":"`)
	sid, _, _ = strings.Cut(rest, `"`)
	return sid
}

// exchange sends a request on a connection of its own.
func exchange(ctx context.Context, target, request string) (status int, body string) {
	l := call(ctx, target)
	if l == nil {
		return 0, ""
	}
	defer l.close()
	l.say(request)
	return l.answer()
}

// frame is a masked websocket frame, whatever its first byte says.
func frame(first byte, payload string) string {
	b := header(first, uint64(len(payload)))
	at := len(b)
	b = append(b, payload...)
	websocket.Mask(b[at:], key)
	return string(b)
}

func text(payload string) string { return frame(0x81, payload) }

var key = [4]byte{1, 2, 3, 4}

// header is the beginning of a masked frame of some length.
func header(first byte, size uint64) []byte {
	h := websocket.Header{Masked: true, Key: key, Length: size}
	return append([]byte{first}, h.Append(nil)[1:]...)
}

// one of several, at random.
func one[T any](of ...T) T { return of[rand.IntN(len(of))] }

func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}
