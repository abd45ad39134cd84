package client

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// An error is known by its status, whatever becomes of its page: longer than any message, cut off,
// or without end on a connection that stays open.
func TestErrorPages(t *testing.T) {
	const page = "<html><head><title>the proxy's page</title></head>"
	long := page + strings.Repeat(" ", 3*maxErrorPage)
	for name, body := range map[string]string{
		"long":              fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long),
		"never ends":        "Content-Length: 1000000000\r\n\r\n" + long,
		"cut off":           "Content-Length: 1000\r\n\r\n" + page,
		"a long chunk":      "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + long,
		"chunks":            "Transfer-Encoding: chunked\r\n\r\n" + chunks(long, 1000),
		"a chunk cut off":   "Transfer-Encoding: chunked\r\n\r\n1000\r\n" + page,
		"a broken chunk":    "Transfer-Encoding: chunked\r\n\r\n" + chunks(page, 1000) + "nonsense\r\n",
		"without a length":  "Connection: close\r\n\r\n" + long,
		"another length":    "Content-Length: many\r\n\r\n" + page,
		"another encoding":  "Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + page,
		"another transfer":  "Transfer-Encoding: gzip\r\n\r\n" + page,
		"cut off in a line": "Transfer-Encoding: chunked\r\n\r\n" + chunks(page, 1000) + "10",
	} {
		for _, cfg := range []Config{{Transport: WebSocket}, {Transport: Polling}, {Protocol: Events}} {
			t.Run(name+" "+cfg.Transport+cfg.Protocol, func(t *testing.T) {
				cfg.MaxMessage = 1000
				cfg.URL = listen(t, func(p *peer) {
					if req, _ := p.request(); req == nil {
						return
					}
					p.put("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n" + body)
					if !strings.Contains(name, "cut off") {
						p.slurp()
					}
				})
				said := fails(t, t.Context(), &cfg, "open", "http.502")
				if !strings.HasPrefix(name, "another") && !strings.Contains(said, `"the proxy's page"`) {
					t.Errorf("%s does not quote the page", said)
				}
			})
		}
	}
}

// A web page in the place of Socket.IO is one, however long, and no answer above the limit.
func TestLongPage(t *testing.T) {
	page := "<!doctype html><title>App</title>" + strings.Repeat(" ", 9000)
	url := listen(t, func(p *peer) {
		if req, _ := p.request(); req != nil {
			p.put(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(page), page))
			p.slurp()
		}
	})
	if said := fails(t, t.Context(), &Config{URL: url, Transport: Polling, MaxMessage: 1000}, "open", "page"); !strings.Contains(said, `"App"`) {
		t.Errorf("%s does not quote the page", said)
	}
}

// What a server sends besides the data of chunks is bounded, too.
func TestChunksOfNothing(t *testing.T) {
	extension := ";" + strings.Repeat("x", maxChunkLine-100)
	body := strings.Repeat("1"+extension+"\r\nx\r\n", 2*maxHead/maxChunkLine)
	trailers := "0\r\n" + strings.Repeat("A: "+extension+"\r\n", 2*maxHead/maxChunkLine)
	for _, body := range []string{body, trailers} {
		in := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
		rd := newReader(newConn(&wire{in: []byte(in), step: 1 << 10}, nil, &traffic{}))
		_, err := readResponse(rd, 1000, 200)
		if _, broken := errors.AsType[httpError](err); !broken || !strings.Contains(err.Error(), "of heads and trailers") {
			t.Errorf("%v, want an error about the heads of chunks", err)
		}
	}
}

// Shortened error pages of nginx, HAProxy, Apache, Cloudflare and Envoy.
func TestBodyText(t *testing.T) {
	for body, want := range map[string]string{
		"": "",
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.27.1</center>\r\n</body>\r\n</html>\r\n": "502 Bad Gateway",
		"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n":                                                              "503 Service Unavailable No server is available to handle this request.",
		"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>Not&nbsp;Found &amp; gone</title>\n</head>":                                                       "Not Found & gone",
		"<!doctype html><html><head><script>var a = 1 < 2;</script><title> </title><style>p{color:red}</style></head><body><p>Sorry, you\nhave been <b>blocked</b>":                   "Sorry, you have been blocked",
		"<html><!-- padding <b>for</b> old browsers --><body>Too many requests</body>":                                                                                                "Too many requests",
		"<html><body><img src=\"": "",
		"upstream connect error or disconnect/reset before headers\r\nmore": "upstream connect error or disconnect/reset before headers",
		"a\x1b[31mred\x00":        "a [31mred",
		"\xff\xfe broken":         "\xff\xfe broken",
		strings.Repeat("a ", 200): strings.TrimSpace(strings.Repeat("a ", 60)) + "...",
		"<html>" + strings.Repeat(" ", 300) + "<title>far behind</title>": "far behind",
	} {
		if got := BodyText([]byte(body)); got != want {
			t.Errorf("%.60q: %q, want %q", body, got, want)
		}
	}
}
