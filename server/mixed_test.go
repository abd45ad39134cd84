package server_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// joinWith is socketIO with a dialer of its own.
func joinWith(t *testing.T, base string, d *websocket.Dialer) (w *wire, extensions string) {
	t.Helper()
	conn, resp, err := d.Dial("ws"+strings.TrimPrefix(base, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	w = &wire{t, conn}
	handshakeOf(t, w.text())
	w.send("40")
	w.expectPrefix(`40{"sid":"`)
	return w, resp.Header.Get("Sec-Websocket-Extensions")
}

// pollsOnOneConnection joins with polls on a connection that has carried so many
// requests already that the engine takes it over.
func pollsOnOneConnection(t *testing.T, base string) (next func() []string) {
	p := poll(t, base, "/socket.io/")
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	t.Cleanup(client.CloseIdleConnections)
	read := func(resp *http.Response, err error) string {
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body) + errorText(err)
	}
	for range 10 {
		if got := read(client.Post(p.url, "text/plain", strings.NewReader(`42["x"]`))); got != "ok" {
			t.Fatal(got)
		}
	}
	return func() []string { return strings.Split(read(client.Get(p.url)), "\x1e") }
}

// All kinds of connections sit in one room and get the same messages in the same
// order: plain and compressed websockets, both over TLS as well, and polling. Long
// messages are compressed, short ones are not, and between the broadcasts each
// socket gets messages of its own.
func TestAllKindsOfConnectionsInOneRoom(t *testing.T) {
	opts := server.Options{PerMessageDeflate: true, CompressThreshold: 300}
	everyFanout(t, opts, func(t *testing.T, srv *server.Server, base string) {
		const n = 80
		inRoom := allJoin(srv)
		secure := serveTLS(t, srv)
		deflate := &websocket.Dialer{EnableCompression: true}
		over := &websocket.Dialer{
			EnableCompression: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is the test's own
		}
		next := map[string]func() []string{}
		frames := func(b *bare) func() []string {
			return func() []string { _, data := b.frame(); return []string{data} }
		}
		messages := func(w *wire) func() []string {
			return func() []string { _, data, err := w.next(); return []string{data + errorText(err)} }
		}
		next["plain"] = frames(joinBare(t, base))
		next["tls"] = frames(joinTLS(t, secure))
		compressed, agreed := joinWith(t, base, deflate)
		compressedTLS, agreedTLS := joinWith(t, secure, over)
		if !strings.Contains(agreed, "permessage-deflate") || !strings.Contains(agreedTLS, "permessage-deflate") {
			t.Fatalf("compression was not agreed on: %q, %q", agreed, agreedTLS)
		}
		next["deflate"], next["deflate over tls"] = messages(compressed), messages(compressedTLS)
		polling := poll(t, base, "/socket.io/")
		next["polling"] = func() []string { return strings.Split(polling.get(), "\x1e") }
		next["polling on one connection"] = pollsOnOneConnection(t, base)
		inRoom(len(next))

		pad := strings.Repeat("x", 400)
		var want []string
		for i := range n {
			p := ""
			if i%3 == 0 {
				p = pad
			}
			want = append(want, fmt.Sprintf(`42["all",%d,"%s"]`, i, p), fmt.Sprintf(`42["own",%d]`, i))
		}
		var all sync.WaitGroup
		all.Go(func() {
			sockets := srv.Everyone().Sockets()
			for i := range n {
				p := ""
				if i%3 == 0 {
					p = pad
				}
				if err := srv.To("r").Emit("all", i, p); err != nil {
					t.Error(err)
				}
				for _, s := range sockets {
					if err := s.Emit("own", i); err != nil {
						t.Error(err)
					}
				}
			}
		})
		for kind, read := range next {
			all.Go(func() {
				var got []string
				for end := time.Now().Add(20 * time.Second); len(got) < len(want) && time.Now().Before(end); {
					got = append(got, read()...)
				}
				for i := range want {
					if i >= len(got) || got[i] != want[i] {
						t.Errorf("%s: message %d of %d is %.60q, want %.60q", kind, i, len(got), append(got, "missing")[min(i, len(got))], want[i])
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
