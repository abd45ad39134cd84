//go:build interop

package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/peer"
)

// TestPeers exchanges messages between two tabs of Chromium, and between a tab and a peer in Go, by
// data channels and, where these cannot open, by the server.
func TestPeers(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"official client": {"--client-dir", clientDir}, "own client": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := builtIn().start(t, "p2p", flags...)
			browser := chromium(t,
				chromedp.Flag("allow-loopback-in-peer-connection", true),
				chromedp.Flag("disable-features", "WebRtcHideLocalIpsWithMdns"))
			ann := visitor(t, browser, url+"/#tabs", "Ann")
			bob := visitor(t, browser, url+"/#tabs", "Bob")
			for _, c := range []*chatter{ann, bob} {
				c.until(`document.body.dataset.open === "1"`)
			}
			ann.do(chromedp.SendKeys(chromedp.CSS("#text"), "hello Bob\r"))
			bob.until(`[...document.querySelectorAll("#log .theirs")].some(e => /hello Bob direct/.test(e.textContent))`)
			bob.do(chromedp.Evaluate[chromedp.Void](`mesh.broadcast("é".repeat(100_000))`)) // 200 kB, in parts
			ann.shows("#log .theirs", "(100000 characters)")

			if flags != nil { // the module of the page is the same with either client
				testGoPeer(t, browser, url, false)
				testGoPeer(t, browser, url, true)
			}
		})
	}
}

// visitor opens a tab on the page, and waits until it is connected.
func visitor(t *testing.T, browser context.Context, url, name string) *chatter {
	t.Helper()
	ctx, end := chromedp.NewContext(browser)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	c := &chatter{t, ctx, name}
	c.until(`Boolean(document.body.dataset.id)`)
	return c
}

// goPeer passes the events of a client to its mesh.
type goPeer struct{ *peer.Mesh }

func (p goPeer) Event(m *client.Message) { p.Mesh.Event(m) }
func (p goPeer) Ack(*client.Message)     {}

// testGoPeer lets a tab and a peer in Go meet, or not.
func testGoPeer(t *testing.T, browser context.Context, url string, blocked bool) {
	room, way, state := "go", peer.Direct, peer.Open
	if blocked {
		room, way, state = "blocked", peer.Relayed, peer.Fallback
	}
	c, err := client.Dial(t.Context(), &client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	got, states := make(chan peer.Message, 10), make(chan peer.Peer, 100)
	mesh, err := peer.New(peer.Config{
		Room: room, Emit: peer.Over(c, socketio.JSON, ""), Loopback: true, Hidden: blocked, Timeout: patience,
		Message: func(m peer.Message) {
			m.Data = append([]byte(nil), m.Data...)
			got <- m
		},
		Peer: func(p peer.Peer) { states <- p },
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- c.Run(goPeer{mesh}) }()
	defer func() {
		_ = mesh.Close()
		_ = c.Close()
		if err := <-ran; err == nil {
			t.Error("a client that was closed has no reason")
		}
	}()
	if err := mesh.Join(); err != nil {
		t.Fatal(err)
	}
	tab := visitor(t, browser, url+"/#"+room, "tab")
	id := next(t, states, func(p peer.Peer) bool { return p.State == state }).ID
	tab.until(fmt.Sprintf(`mesh.peers.some(p => p.state === %q)`, state))
	// Both sizes, so that a long one is split and joined on either side.
	for _, n := range []int{10, 150_000} {
		if went, err := mesh.Send(id, make([]byte, n), false); err != nil || went != way {
			t.Errorf("%d bytes went %v: %v", n, went, err)
		}
		tab.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`mesh.broadcast("x".repeat(%d))`, n)))
		if m := next(t, got, func(peer.Message) bool { return true }); len(m.Data) != n || m.Binary || m.Way != way || m.From != id {
			t.Errorf("%d bytes from %s went %v, want %d", len(m.Data), m.From, m.Way, n)
		}
	}
	tab.until(fmt.Sprintf(`[...document.querySelectorAll("#log .theirs")].filter(e => /%s$/.test(e.textContent)).length === 2`, way))
}

// next waits for a value.
func next[T any](t *testing.T, values <-chan T, is func(T) bool) (v T) {
	t.Helper()
	for late := time.After(2 * patience); ; {
		select {
		case v = <-values:
			if is(v) {
				return v
			}
		case <-late:
			t.Fatal("waited in vain")
		}
	}
}
