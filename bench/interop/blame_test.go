//go:build interop

package interop

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

const blamed = `version: 1
name: blamed
contract:
  join: {emit: ["room:join", "${room}"], ack: true}
  operations:
    say: {emit: ["chat:say", {room: "${room}", body: "${payload}"}], to: room, deliver: "chat:said", stamp: "$[0].body"}
groups:
  people:
    count: 4
    connect: {timeout: TIMEOUT}
    auth: {token: a}
    rooms: {of: 1, join: 1}
    send:
      - {op: say, rate: 10/s, size: 100B, late: LATE}
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
report: {formats: [json]}
`

// What is wrong between a scenario and the official server is named, with what to do. Only where
// nothing can come is it not waited for long.
func TestBlameOnOfficialServer(t *testing.T) {
	t.Parallel()
	chat, packed := official.start(t, "chat"), official.start(t, "bench", "--parser", "msgpack")
	for name, c := range map[string]struct {
		url    string
		change []string
		code   int
		want   string
	}{
		"nothing":                  {chat, []string{"LATE", "20s"}, 0, ""},
		"stamp":                    {chat, []string{"$[0].body", "$[0].text"}, 3, "`chat:said` events arrived without a stamp at $[0].text"},
		"event":                    {chat, []string{"deliver: \"chat:said\"", "deliver: \"chat:told\""}, 3, "no `chat:told` event arrived, but"},
		"join":                     {chat, []string{"room:join", "room:jion", "TIMEOUT", "1s"}, 1, "if the server has no event `room:jion`"},
		"JSON against MessagePack": {packed, nil, 4, "set the group's parser:"},
		"MessagePack against JSON": {chat, []string{"count: 4", "count: 4\n    parser: msgpack"}, 4, "set the group's parser:"},
		"no sticky sessions":       {balancer(t, chat, official.start(t, "chat")), []string{"count: 4", "count: 4\n    transport: polling"}, 4, "sticky sessions"},
		"proxy without Upgrade":    {balancer(t, chat), nil, 4, "Upgrade and Connection"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "blamed.yaml")
			change := append(c.change, "LATE", "1s", "TIMEOUT", "20s")
			if err := os.WriteFile(file, []byte(strings.NewReplacer(change...).Replace(blamed)), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := runCommand(file, filepath.Join(t.TempDir(), "out"), "--target", c.url).CombinedOutput()
			code := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != c.code || !strings.Contains(string(out), c.want) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, c.code, c.want, out)
			}
		})
	}
}

// balancer is a proxy that knows nothing of websocket and gives each server every other request.
func balancer(t *testing.T, servers ...string) string {
	var n atomic.Int64
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to, err := url.Parse(servers[int(n.Add(1))%len(servers)])
		if err != nil {
			t.Error(err)
		}
		r.SetURL(to)
		r.Out.Header = http.Header{"Content-Type": r.In.Header["Content-Type"]}
	}})
	t.Cleanup(s.Close)
	return s.URL
}
