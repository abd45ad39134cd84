//go:build interop

package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const clientDir = "node_modules/socket.io-client/dist"

// TestServedClient fetches every file of the official client from `throng serve`, as pages and
// their debuggers do.
func TestServedClient(t *testing.T) {
	t.Parallel()
	base := builtIn().start(t, "protocol", "--client-dir", clientDir) + "/socket.io/"
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	get := func(name, header, value string) (*http.Response, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, value)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	names, err := filepath.Glob(clientDir + "/*")
	if err != nil || len(names) != 8 {
		t.Fatalf("the official client has %d files: %v", len(names), err)
	}
	for _, path := range names {
		name := filepath.Base(path)
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		resp, body := get(name, "Accept", "*/*")
		if resp.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
			t.Errorf("%s: %s, %d bytes, want %d", name, resp.Status, len(body), len(want))
		}
		if strings.HasSuffix(name, ".js") && !strings.Contains(string(body), "//# sourceMappingURL="+name+".map") {
			t.Errorf("%s names no source map", name)
		}
		if again, _ := get(name, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %s", name, again.Status)
		}
		packed, body := get(name, "Accept-Encoding", "gzip, deflate, br")
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s compressed: %v, %v", name, packed.Header, err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(got, want) || len(body)*2 > len(want) {
			t.Errorf("%s compressed: %d bytes of %d, %v", name, len(body), len(got), err)
		}
	}
}

// TestServedClientInBrowser connects by the script and by the module, from a page that the server's
// own origin serves.
func TestServedClientInBrowser(t *testing.T) {
	t.Parallel()
	url := builtIn().start(t, "chat", "--client-dir", clientDir)
	browser := chromium(t)
	ctx, cancel := context.WithTimeout(browser, 2*patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"script": `new Promise(done => { const s = io({forceNew: true}); s.on("connect", () => { done(s.id); s.close(); }); })`,
		"module": `import("/socket.io/socket.io.esm.min.js").then(m => new Promise(done => {
			const s = m.io({forceNew: true}); s.on("connect", () => { done(s.id); s.close(); }); }))`,
	} {
		if id, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise)); err != nil || len(id) != 20 {
			t.Errorf("%s: id %q, %v", name, id, err)
		}
	}
}
