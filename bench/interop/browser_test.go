//go:build interop

package interop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserClient runs the official client in Chromium against throng serve, over each transport.
func TestBrowserClient(t *testing.T) {
	t.Parallel()
	const files = "node_modules/socket.io-client/dist"
	// The page needs the address of the server, and the server the origin of the page: the page
	// receives the address later.
	var served string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/browser.js" {
			http.ServeFile(w, r, "testdata/browser.js")
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>checks</title><script src="%s/socket.io/socket.io.js"></script><script src="/browser.js"></script>`, served)
	}))
	t.Cleanup(page.Close)
	flags := []string{"--cors-origin", page.URL, "--cors-credentials", "--client-dir", files}
	flags = append(flags, "--webtransport", "127.0.0.1:0", "--webtransport-dev")
	urls, hashes := map[string]string{}, map[string]string{}
	for app, more := range map[string][]string{
		"protocol": nil,
		"bench":    {"--recovery", "60s", "--cookie", "io", "--admin", "--admin-user", "root", "--admin-password-hash", hashed(t, "secret")},
	} {
		behind := builtIn().run(t, app, append(flags, more...)...)
		urls[app] = "http://" + behind("http://")
		hashes[app] = behind("certificate sha-256 ")
	}
	urls["stranger"], hashes["stranger"] = urls["bench"], hashes["bench"]
	served = urls["protocol"]

	b := browser(t)
	// The same page under another name is of another origin, which the server was not told.
	elsewhere := strings.Replace(page.URL, "127.0.0.1", "localhost", 1)
	for _, at := range []struct{ page, suites string }{{page.URL, `["protocol","bench"]`}, {elsewhere, `["stranger"]`}} {
		on(b, chromedp.Navigate(at.page))
		b.until(`typeof io === "function" && typeof check === "function"`, "the client to be loaded")
		names := on(b, chromedp.Evaluate[[][2]string](at.suites+`.flatMap((s) => Object.keys(suites[s]).map((name) => [s, name]))`))
		if len(names) == 0 {
			t.Fatal("no checks were found")
		}
		for _, transports := range []string{`["polling"]`, `["websocket"]`, `["polling","websocket"]`, `["webtransport"]`, `["polling","webtransport"]`} {
			for _, name := range names {
				t.Run(name[1]+" over "+transports, func(t *testing.T) {
					call := fmt.Sprintf("check(%q, %q, %q, %s, %q)", name[0], name[1], urls[name[0]], transports, hashes[name[0]])
					if wrong := on(&tab{t: t, ctx: b.ctx}, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise)); wrong != "" {
						t.Error(wrong)
					}
				})
			}
		}
	}
}
