//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// silentUDP starts a server at whose port of UDP nobody answers.
func silentUDP(t *testing.T, flags []string) (url string) {
	t.Helper()
	for range 20 { // until that port is free
		url = builtIn().start(t, "protocol", flags...)
		if silent, err := net.ListenPacket("udp", strings.TrimPrefix(url, "http://")); err == nil {
			t.Cleanup(func() { _ = silent.Close() })
			return url
		}
	}
	t.Fatal("no port is free for TCP and UDP")
	return ""
}

// TestBrowserFallback shows what the official client in Chromium does where it gets no session over
// WebTransport: alone that is an error; it goes on with the next transport if tryAllTransports is
// set, and an upgrade ends with a websocket. It hangs in no case.
func TestBrowserFallback(t *testing.T) {
	t.Parallel()
	var script string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/browser.js" {
			http.ServeFile(w, r, "testdata/browser.js")
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>checks</title><script src="%s/socket.io/socket.io.js"></script><script src="/browser.js"></script>`, script)
	}))
	t.Cleanup(page.Close)
	flags := []string{"--cors-origin", page.URL, "--client-dir", "node_modules/socket.io-client/dist"}
	hashed := builtIn().run(t, "protocol", append(flags, "--webtransport", "127.0.0.1:0", "--webtransport-dev")...)
	without := builtIn().run(t, "protocol", flags...)
	urls := map[string]string{"another hash": "http://" + hashed("http://"), "no UDP server": "http://" + without("http://"), "UDP is blocked": silentUDP(t, flags)}
	script = urls["another hash"]
	const wrong = "w8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8M="
	hashes := map[string]string{"another hash": wrong, "no UDP server": wrong, "UDP is blocked": wrong}
	for name, s := range certified(t, page.URL) {
		urls[name], hashes[name] = s.url, s.hash
	}

	b := browser(t)
	on(b, chromedp.Navigate(page.URL))
	b.until(`typeof io === "function" && typeof ends === "function"`, "the client to be loaded")
	const failed, websocket = "error: webtransport error", "connected over websocket"
	for _, c := range []struct {
		server, transports string
		all                bool
		want               string
	}{
		{"another hash", `["webtransport"]`, false, failed},
		{"another hash", `["webtransport","websocket"]`, false, failed},
		{"another hash", `["webtransport","websocket"]`, true, websocket},
		{"another hash", `["polling","webtransport","websocket"]`, false, websocket},
		{"no UDP server", `["webtransport","websocket"]`, false, failed},
		{"no UDP server", `["webtransport","websocket"]`, true, websocket},
		{"no UDP server", `["polling","webtransport","websocket"]`, false, websocket},
		{"UDP is blocked", `["webtransport","websocket"]`, true, websocket},
		{shortLived, `["webtransport"]`, false, "connected over webtransport"},
		{longLived, `["webtransport","websocket"]`, false, failed},
		{longLived, `["webtransport","websocket"]`, true, websocket},
		{longLived, `["polling","webtransport","websocket"]`, false, websocket},
		{expired, `["webtransport","websocket"]`, false, failed},
		{expired, `["webtransport","websocket"]`, true, websocket},
		{expired, `["polling","webtransport","websocket"]`, false, websocket},
	} {
		t.Run(fmt.Sprintf("%s, %s, all %t", c.server, c.transports, c.all), func(t *testing.T) {
			call := fmt.Sprintf("ends(%q, %s, %q, %t)", urls[c.server], c.transports, hashes[c.server], c.all)
			got := on(&tab{t: t, ctx: b.ctx}, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise))
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
			t.Log(got)
		})
	}
}
