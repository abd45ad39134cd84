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
