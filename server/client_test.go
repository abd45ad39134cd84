package server_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/throng-io/throng/server"
)

// plain does not ask for compression by itself.
var plain = &http.Client{Transport: &http.Transport{DisableCompression: true}}

func fetch(t *testing.T, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := plain.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" && method != "HEAD" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestClientFiles(t *testing.T) {
	script := "/* Socket.IO */" + strings.Repeat("x", 1000)
	base := start(t, server.Options{
		CORS: &server.CORS{Origins: []string{"https://app.example"}},
		Client: fstest.MapFS{
			"socket.io.js":         {Data: []byte(script)},
			"socket.io.min.js":     {Data: []byte("min")},
			"socket.io.min.js.map": {Data: []byte("{}")},
			"package.json":         {Data: []byte("secret")},
			"socket.io.jsx":        {Data: []byte("secret")},
		},
	}) + "/socket.io/"
	t.Cleanup(plain.CloseIdleConnections)

	resp, body := fetch(t, "GET", base+"socket.io.js?v=1", nil)
	tag := resp.Header.Get("ETag")
	if resp.StatusCode != 200 || body != script || tag == "" {
		t.Fatalf("%s, %d bytes, tag %q", resp.Status, len(body), tag)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/javascript; charset=utf-8", "Cache-Control": "public, max-age=0",
		"Vary": "Accept-Encoding", "Content-Encoding": "", "Access-Control-Allow-Origin": "https://app.example",
	} {
		if got := strings.Join(resp.Header.Values(name), ", "); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	packed, body := fetch(t, "GET", base+"socket.io.js", http.Header{"Accept-Encoding": {"gzip, br"}})
	if packed.Header.Get("Content-Encoding") != "gzip" || body != script || packed.Header.Get("ETag") == tag {
		t.Errorf("compressed: %v", packed.Header)
	}
	for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if resp, body := fetch(t, "GET", base+"socket.io.js", http.Header{"If-None-Match": {match}}); resp.StatusCode != 304 || body != "" {
			t.Errorf("If-None-Match %s: %s %q", match, resp.Status, body)
		}
	}
	if resp, body := fetch(t, "GET", base+"socket.io.js", http.Header{"If-None-Match": {`"other"`}}); resp.StatusCode != 200 || body != script {
		t.Errorf("another tag: %s", resp.Status)
	}
	if resp, body := fetch(t, "HEAD", base+"socket.io.js", nil); resp.StatusCode != 200 || body != "" || resp.ContentLength != int64(len(script)) {
		t.Errorf("HEAD: %s, length %d", resp.Status, resp.ContentLength)
	}
	if resp, body := fetch(t, "GET", base+"socket.io.min.js.map", nil); body != "{}" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("source map: %q as %s", body, resp.Header.Get("Content-Type"))
	}

	// Everything else is a request for the engine, whatever the folder holds.
	for _, name := range []string{
		"package.json", "socket.io.jsx", "socket.io.esm.min.js", "./socket.io.js", "%73ocket.io.js",
		"socket.io.js/", "../socket.io/socket.io.js", "socket.io.js%00", "SOCKET.IO.JS",
	} {
		if resp, body := fetch(t, "GET", base+name, nil); strings.Contains(body, "secret") || strings.Contains(body, "Socket.IO") || resp.StatusCode < 400 {
			t.Errorf("%s: %s %q", name, resp.Status, body)
		}
	}
	if resp, _ := fetch(t, "POST", base+"socket.io.js", nil); resp.StatusCode != 400 {
		t.Errorf("POST: %s", resp.Status)
	}
	if _, err := server.New(server.Options{Client: fstest.MapFS{}}); err == nil {
		t.Error("an empty folder was accepted")
	}
}
