package server_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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

// pollsOnOneConnection joins with polls on a connection that has carried so many requests already
// that the engine takes it over.
func pollsOnOneConnection(t *testing.T, base string) kindOf {
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
	return kindOf{"polling on one connection", p.post, func() []string { return strings.Split(read(client.Get(p.url)), "\x1e") }}
}

// kindOf is a client of some kind of connection that has joined the main namespace.
type kindOf struct {
	name string
	send func(text string)
	next func() []string // the messages that come next
}

// allKinds opens as many clients of each kind of connection: plain and compressed websockets, both
// over TLS as well, and polling, which the HTTP server or the engine may answer.
func allKinds(t *testing.T, srv *server.Server, base string, each int) (all []kindOf) {
	t.Helper()
	secure := serveTLS(t, srv)
	frames := func(name string, b *bare) kindOf {
		return kindOf{name, func(text string) { b.write(masked(0x81, text)) }, func() []string { _, data := b.frame(); return []string{data} }}
	}
	messages := func(name, base string, d *websocket.Dialer) kindOf {
		w, agreed := joinWith(t, base, d)
		if !strings.Contains(agreed, "permessage-deflate") {
			t.Fatalf("%s: compression was not agreed on: %q", name, agreed)
		}
		return kindOf{name, w.send, func() []string { _, data, err := w.next(); return []string{data + errorText(err)} }}
	}
	for range each {
		polling := poll(t, base, "/socket.io/")
		all = append(all,
			frames("plain", joinBare(t, base)),
			frames("tls", joinBare(t, secure)),
			messages("deflate", base, &websocket.Dialer{EnableCompression: true}),
			messages("deflate over tls", secure, &websocket.Dialer{
				EnableCompression: true,
				TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is the test's own
			}),
			kindOf{"polling", polling.post, func() []string { return strings.Split(polling.get(), "\x1e") }},
			pollsOnOneConnection(t, base),
		)
	}
	return all
}

// expect takes the messages that are wanted, in their order, and no others.
func (k kindOf) expect(t *testing.T, want []string) {
	t.Helper()
	var got []string
	for end := time.Now().Add(patience); len(got) < len(want) && time.Now().Before(end); {
		got = append(got, k.next()...)
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("%s: message %d of %d is %.60q, want %.60q", k.name, i, len(got), append(got, "missing")[min(i, len(got))], want[i])
			return
		}
	}
	if len(got) > len(want) {
		t.Errorf("%s: %d messages, want %d", k.name, len(got), len(want))
	}
}

// crowd is how many clients of each kind there are: together more than a broadcast may have
// receivers to be sent by its caller. From then on shards queue it, and join it with others.
const crowd = 4

// everyWay is everyFanout, and the default strategy once more without io_uring.
func everyWay(t *testing.T, opts server.Options, test func(t *testing.T, srv *server.Server, base string)) {
	t.Helper()
	everyFanout(t, opts, test)
	t.Run("without io_uring", func(t *testing.T) {
		opts.NoIOUring, opts.Times.PingInterval = true, server.Never
		srv, err := server.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		test(t, srv, serve(t, srv))
	})
}

// All kinds of connections sit in one room and get the same messages in the same order. Long
// messages are compressed, short ones are not, and between the broadcasts each socket gets messages
// of its own.
func TestAllKindsOfConnectionsInOneRoom(t *testing.T) {
	opts := server.Options{PerMessageDeflate: true, CompressThreshold: 300}
	everyWay(t, opts, func(t *testing.T, srv *server.Server, base string) {
		const n = 80
		inRoom := allJoin(srv)
		clients := allKinds(t, srv, base, crowd)
		inRoom(len(clients))

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
		for _, k := range clients {
			all.Go(func() { k.expect(t, want) })
		}
		all.Wait()
	})
}

// Each socket gets direct emits, broadcasts and acks in the order of the calls, whatever its
// connection, while others broadcast to the same room.
func TestOrderOfAllKinds(t *testing.T) {
	everyWay(t, server.Options{PerMessageDeflate: true}, func(t *testing.T, srv *server.Server, base string) {
		const n, senders = 60, 6 // one of each kind
		inRoom := allJoin(srv)
		srv.On("go", func(s *server.Socket, e *server.Event) error {
			var name string
			var i int
			if err := e.Bind(&name, &i); err != nil {
				return err
			}
			return errors.Join(
				srv.To("r").Emit("all", name, i, "before"),
				s.Emit("own", i),
				srv.To("r").Emit("all", name, i, "after"),
				e.Ack(i),
			)
		})
		clients := allKinds(t, srv, base, crowd)
		inRoom(len(clients))
		var all sync.WaitGroup
		for c, k := range clients {
			all.Go(func() {
				mine, total := fmt.Sprint("sender ", c), senders*2*n
				if c < senders {
					total += 2 * n
				}
				got := map[string][]string{} // by sender; what comes to nobody else is of the client itself
				for end := time.Now().Add(patience); total > 0 && time.Now().Before(end); {
					for _, message := range k.next() {
						sender := mine
						if rest, ok := strings.CutPrefix(message, `42["all","`); ok {
							sender, _, _ = strings.Cut(rest, `"`)
						}
						got[sender] = append(got[sender], message)
						total--
					}
				}
				for s := range senders {
					sender := fmt.Sprint("sender ", s)
					var want []string
					for i := range n {
						want = append(want, fmt.Sprintf(`42["all","%s",%d,"before"]`, sender, i))
						if s == c {
							want = append(want, fmt.Sprintf(`42["own",%d]`, i))
						}
						want = append(want, fmt.Sprintf(`42["all","%s",%d,"after"]`, sender, i))
						if s == c {
							want = append(want, fmt.Sprintf(`43%d[%d]`, i, i))
						}
					}
					if !slices.Equal(got[sender], want) {
						t.Errorf("%s got of %s\n%q, want\n%q", k.name, sender, got[sender], want)
					}
				}
			})
		}
		for c, k := range clients[:senders] {
			all.Go(func() {
				for i := range n {
					k.send(fmt.Sprintf(`42%d["go","sender %d",%d]`, i, c, i))
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
