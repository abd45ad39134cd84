package server_test

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/server"
)

// A browser that offers subprotocols fails the connection unless the answer names one of them.
func TestSubprotocols(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []string
		offers  []string
		status  int
		want    string
	}{
		{"none offered", nil, nil, 101, ""},
		{"none offered, some known", []string{"a"}, nil, 101, ""},
		{"the first one", nil, []string{"b, a"}, 101, "b"},
		{"in two headers", nil, []string{"c", "d"}, 101, "c"},
		{"the server's preference", []string{"a", "b"}, []string{"c,b,\ta"}, 101, "a"},
		{"none in common", []string{"a"}, []string{"b"}, 101, ""},
		{"names are exact", []string{"a"}, []string{"A"}, 101, ""},
		{"twice the same", nil, []string{"a, a"}, 400, ""},
		{"an empty one", nil, []string{"a,,b"}, 400, ""},
		{"an empty header", nil, []string{""}, 400, ""},
		{"no token", nil, []string{"a b"}, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := attack(t, server.Options{Subprotocols: c.options})
			var lines []string
			for _, offer := range c.offers {
				lines = append(lines, "Sec-WebSocket-Protocol: "+offer)
			}
			status, header, body := x.raw(upgradeOf("EIO=4&transport=websocket", lines...))
			if got := strings.Join(header.Values("Sec-WebSocket-Protocol"), "+"); status != c.status || got != c.want {
				t.Errorf("%d, subprotocol %q, body %q; want %d and %q", status, got, body, c.status, c.want)
			}
		})
	}
	if _, err := server.New(server.Options{Subprotocols: []string{"a b"}}); err == nil || !strings.Contains(err.Error(), `"a b"`) {
		t.Errorf("a name that is none: %v", err)
	}
}

// A request that is no handshake of a websocket gets the answer of the official server (ws 8.21.3,
// handleUpgrade), with the version that is spoken here: RFC 6455, sections 4.2.1, 4.2.2 and 4.4.
func TestHandshakesThatAreNone(t *testing.T) {
	x := attack(t, server.Options{})
	whole := upgradeOf("EIO=4&transport=websocket")
	const key, version = "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"
	if !strings.Contains(whole, key) || !strings.Contains(whole, version) {
		t.Fatal(whole)
	}
	for name, c := range map[string]struct {
		replace, by string
		status      int
		body        string
	}{
		"no key":            {"Sec-WebSocket-Key: " + key + "\r\n", "", 400, "Missing or invalid Sec-WebSocket-Key header"},
		"15 bytes":          {key, "dGhlIHNhbXBsZSBub25j", 400, "Missing or invalid Sec-WebSocket-Key header"},
		"17 bytes":          {key, "dGhlIHNhbXBsZSBub25jZWU=", 400, "Missing or invalid Sec-WebSocket-Key header"},
		"no base64":         {key, "dGhlIHNhbXBsZSBub25jZ$==", 400, "Missing or invalid Sec-WebSocket-Key header"},
		"a word":            {key, "x", 400, "Missing or invalid Sec-WebSocket-Key header"},
		"no version":        {version + "\r\n", "", 400, "Missing or invalid Sec-WebSocket-Version header"},
		"an old version":    {version, "Sec-WebSocket-Version: 7", 400, "Missing or invalid Sec-WebSocket-Version header"},
		"a later version":   {version, "Sec-WebSocket-Version: 130", 400, "Missing or invalid Sec-WebSocket-Version header"},
		"another method":    {"GET ", "PUT ", 400, "Bad handshake method"}, // which is said before
		"all that it needs": {"Host: ", "Host: ", 101, ""},
	} {
		status, header, body := x.raw(strings.Replace(whole, c.replace, c.by, 1))
		if status != c.status || !strings.HasPrefix(body, c.body) {
			t.Errorf("%s: %d %q, want %d %q", name, status, body, c.status, c.body)
		}
		if got := header.Get("Sec-WebSocket-Version"); strings.HasPrefix(c.body, "Missing") && got != "13" {
			t.Errorf("%s: the answer names version %q", name, got)
		}
	}
	url := "/socket.io/?EIO=4&transport=websocket&sid=" + x.session()
	request := strings.Replace(whole, "GET /socket.io/?EIO=4&transport=websocket", "PUT "+url, 1)
	if status, _, body := x.raw(request); status != 405 || body != "Invalid HTTP method" {
		t.Errorf("another method with a session: %d %q", status, body)
	}
}

// Connection is a list, which proxies may spread over several lines, and Upgrade as well (RFC 9110,
// sections 5.3 and 5.6.1). The official server takes all of these (the HTTP parser of Node.js 22).
func TestHandshakesInSeveralLines(t *testing.T) {
	x, strict := attack(t, server.Options{}), attack(t, server.Options{CheckOrigin: true})
	for _, lines := range []string{
		"Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket",
		"Connection: keep-alive,\tupgrade\r\nUpgrade: WebSocket",
		"Connection: , Upgrade,\r\nUpgrade: websocket",
	} {
		request := strings.Replace(upgradeOf("EIO=4&transport=websocket"), "Connection: Upgrade\r\nUpgrade: websocket", lines, 1)
		if status, header, body := x.raw(request); status != 101 || header.Get("Sec-WebSocket-Accept") == "" {
			t.Errorf("%q: %d %q", lines, status, body)
		}
		// It is a websocket for the check of its origin as well.
		if status, _, body := strict.raw(strings.Replace(request, "Host:", "Origin: https://evil.example\r\nHost:", 1)); status != 400 {
			t.Errorf("%q of another origin: %d %q", lines, status, body)
		}
	}
}
