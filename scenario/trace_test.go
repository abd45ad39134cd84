package scenario

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	play(t, &fakeServer{}, strings.NewReplacer("name: t\n", "name: t\ntrace: 2\n", "viewers: {", "viewers: {auth: {token: hidden}, ").Replace(broadcast), func(o *Options) { o.TraceDir = dir })
	text, err := os.ReadFile(filepath.Join(dir, "trace.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line, n := range map[string]int{
		`viewers/[01] > 0{"token":"\*\*\*"}`: 2, `speaker/0 > 0`: 1, `viewers/[01] < connect {"pid":"\*\*\*","sid":"s"}`: 2,
		`viewers/0 \+ websocket`: 1, `viewers/1 < event "msg" {"\$b":".*`: 100, `speaker/0 > 2\["all","msg",{"\$b":".*,true\]`: 100, `viewers/[01] - client: .*`: 2,
	} {
		if got := regexp.MustCompile(`(?m)^\d+\.\d{6} `+line+"$").FindAllString(string(text), -1); len(got) != n {
			t.Errorf("%s: %d times, want %d", line, len(got), n)
		}
	}
	if strings.Contains(string(text), "viewers/2 ") {
		t.Error("a third client is in it")
	}
	if strings.Contains(string(text), "hidden") || strings.Contains(string(text), "secret") {
		t.Error("the value of auth, or the private session id, is in it")
	}
}

// TestTraceIsOneLineAPacket: a server's texts cannot make lines of the trace.
func TestTraceIsOneLineAPacket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "trace.txt"))
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{file: f, w: bufio.NewWriter(f), left: maxTrace}
	a := &actor{user: &user{}, t: &trial{tracer: tr, spec: &file.Spec{}}, group: &group{spec: &file.Group{Name: "g"}, configs: make([]client.Config, 1)}}
	a.traceJoining(client.Handshake{Namespace: "/chat", Refused: true, Data: json.RawMessage("{\"message\":\n\"no\x1b[2J\"}"), At: time.Second})
	a.traceJoining(client.Handshake{Sent: true, Namespace: "/chat", Data: json.RawMessage(`"bare"`), At: time.Second})
	tr.line(a, 2e9, "- %v", errors.New("x\n0.000000 g/1 + websocket"))
	if err := tr.close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	const want = `1.000000 g/0 < connect_error /chat {"message":\n"no\x1b[2J"}` + "\n" + `1.000000 g/0 > 0/chat,"***"` + "\n" + `2.000000 g/0 - x\n0.000000 g/1 + websocket` + "\n"
	if string(text) != want {
		t.Errorf("got:\n%swant:\n%s", text, want)
	}
}
