package scenario

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/protocol/socketio"
	ws "github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/scenario/client"
)

// plantedServer returns the URL of a server that makes mistakes.
func plantedServer(t *testing.T, opt planted.Options) string {
	t.Helper()
	s, err := planted.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.URL
}

func handled(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// between is a proxy before servers, each of which gets every other request.
func between(t *testing.T, change func(*http.Request), servers ...string) string {
	t.Helper()
	var n atomic.Int64
	return handled(t, (&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to, err := url.Parse(servers[int(n.Add(1))%len(servers)])
			if err != nil {
				t.Error(err)
			}
			r.SetURL(to)
			change(r.Out)
		},
	}).ServeHTTP)
}

// version2 answers as a server of Socket.IO 2 does: in the payloads of Engine.IO 3, and without
// waiting for CONNECT.
func version2(w http.ResponseWriter, r *http.Request) {
	const open = `0{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}`
	if r.Header.Get("Upgrade") == "" {
		_, _ = io.WriteString(w, "78:"+open+"2:40")
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+ws.Accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	for _, text := range []string{open, "40"} {
		_, _ = conn.Write(append(ws.Header{Opcode: ws.Text, Final: true, Length: uint64(len(text))}.Append(nil), text...))
	}
	_, _ = io.Copy(io.Discard, conn)
}

// dialError is what a client meets when it connects, or when it moves to a websocket then.
func dialError(t *testing.T, cfg *client.Config) error {
	t.Helper()
	conn, err := client.Dial(t.Context(), cfg)
	if err == nil {
		err = conn.UpgradeErr
		_ = conn.Close()
		_ = conn.Run(discardHandler{})
	}
	return err
}

// What a client meets at a wrong target names the likeliest cause and what to do about it, on every
// transport.
func TestBlame(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<!doctype html><title>My App</title><div id=root></div>")
	}
	headers := func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Del("Connection") }
	same := func(*http.Request) {}
	good := func(opt planted.Options) string { return plantedServer(t, opt) }
	for _, c := range []struct {
		name   string
		url    string
		path   string
		parser socketio.Parser
		only   string // transports
		within time.Duration
		want   string
	}{
		{name: "web page", url: handled(t, page), want: "every path there answers with a web page"},
		{name: "wrong path", url: good(planted.Options{}), path: "/ws/", want: "--set target.path=/PATH/"},
		{name: "MessagePack against JSON", url: good(planted.Options{}), parser: socketio.MessagePack, want: "set the group's parser:"},
		{name: "JSON against MessagePack", url: good(planted.Options{Parser: socketio.MessagePack}), want: "set the group's parser:"},
		{name: "Socket.IO 2", url: handled(t, version2), want: "Socket.IO 2"},
		{name: "proxy without Upgrade", url: between(t, headers, good(planted.Options{})), only: "websocket upgrade", want: "Upgrade and Connection"},
		{name: "no sticky sessions", url: between(t, same, good(planted.Options{}), good(planted.Options{})), only: "polling upgrade", want: "sticky sessions"},
		{name: "silent namespace", url: good(planted.Options{Faults: []planted.Fault{{Kind: planted.Silent}}}), within: 300 * time.Millisecond, want: "did not answer CONNECT"},
		{name: "refusing proxy", url: good(planted.Options{Faults: []planted.Fault{{Kind: planted.Refused}}}), want: "takes no more connections"},
	} {
		for _, transport := range []string{client.WebSocket, client.Polling, client.Upgrade} {
			if c.only != "" && !strings.Contains(c.only, transport) {
				continue
			}
			cfg := client.Config{URL: c.url, Path: c.path, Transport: transport, Parser: c.parser, Timeout: c.within}
			err := dialError(t, &cfg)
			why := diagnose(err, false, true)
			for !strings.Contains(why, c.want) && c.within > 0 && cfg.Timeout < time.Minute { // a busy machine may not get as far
				cfg.Timeout *= 4
				err = dialError(t, &cfg)
				why = diagnose(err, false, true)
			}
			if !strings.Contains(why, c.want) {
				t.Errorf("%s, %s: %v; %q, want %q in it", c.name, transport, err, why, c.want)
			}
		}
	}
}
