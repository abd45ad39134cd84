package client

import (
	"strings"
	"testing"
)

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
