package importer

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/throng-io/throng/scenario/file"
)

// Whatever a script is, the importer does not panic. An error names a place of the script; a result
// is a scenario, the same each time, that can be written out and read again.
func FuzzArtillery(f *testing.F) {
	for _, name := range []string{"chat", "rooms", "ticker"} {
		text, err := os.ReadFile("../../scenarios/import/" + name + ".artillery.yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte("name,password\nada,one\n"))
	}
	f.Add([]byte(`{"config": {"target": "ws://h", "phases": [{"duration": "5m", "arrivalCount": 7}], "payload": {"path": "p", "fields": ["a"]}}, "scenarios": [{"engine": "ws", "flow": [{"send": {"payload": "{{ a }}", "match": {"json": "$.type", "value": "x"}}}]}]}`), []byte("1;2\n"))
	f.Add([]byte("scenarios:\n  - engine: socketio\n    flow:\n      - loop: [{think: 1}]\n        count: -1\n"), []byte(nil))
	f.Add([]byte("config: {target: [}\n"), []byte(nil))
	f.Add([]byte("- 1\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		imported(t, func() (*Result, error) {
			return Artillery("f.yaml", text, func(path string) ([]byte, string, error) {
				if payload == nil {
					return nil, "", errors.New("none")
				}
				return payload, path, nil
			})
		})
	})
}

// Whatever a recording is, likewise.
func FuzzHAR(f *testing.F) {
	text, err := os.ReadFile("../../scenarios/import/chat.har")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"ws://h/socket.io/?EIO=4&transport=websocket"},"_webSocketMessages":[{"type":"receive","time":1,"opcode":1,"data":"0{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}"},{"type":"send","time":2,"opcode":1,"data":"42[\"join\",\"a\"]"},{"type":"send","time":3,"opcode":1,"data":"42[\"say\",{\"token\":\"x\",\"a\":[1,\"b\"]}]"}]}]}}`))
	f.Add([]byte(`{"log":{"entries":[]}}`))
	f.Add([]byte("{\n\n x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		imported(t, func() (*Result, error) { return HAR("f.yaml", text, "") })
	})
}

// rePlace is a place in a script, or in what was made of it.
var rePlace = regexp.MustCompile(`\b(f|scenario|replay)\.yaml:[1-9][0-9]*:[1-9][0-9]*: `)

// imported checks what an importer makes of a file, or why it makes nothing.
func imported(t *testing.T, read func() (*Result, error)) {
	t.Helper()
	r, err := read()
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !rePlace.MatchString(line) || strings.ContainsFunc(line, unicode.IsControl) {
				t.Fatalf("the error names no place: %q", line)
			}
		}
		return
	}
	again, err := read()
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Fatalf("it is imported otherwise the second time: %v", err)
	}
	for _, n := range r.Notes {
		if n.Text == "" || strings.ContainsFunc(n.Text, unicode.IsControl) {
			t.Fatalf("a note is not a line: %q", n.Text)
		}
	}
	for _, made := range append([]File{{"scenario.yaml", r.Scenario}}, r.Files...) {
		if strings.HasSuffix(made.Name, ".yaml") {
			roundTrips(t, made)
		}
	}
}

// roundTrips checks that a scenario is one, and the same when it has been written out.
func roundTrips(t *testing.T, made File) {
	t.Helper()
	f, err := file.Parse(made.Name, made.Text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, made.Text)
	}
	if bytes.ContainsRune(made.Text, 0) {
		t.Fatalf("there is a zero byte in %q", made.Text)
	}
	text, err := f.Resolved("", "")
	if err != nil {
		t.Fatalf("it cannot be written out: %v\n%s", err, made.Text)
	}
	again, err := file.Parse(made.Name, text, nil)
	if err != nil {
		t.Fatalf("written out it is refused: %v\n%s", err, text)
	}
	was, is := f.Cells(), again.Cells()
	if len(was) != len(is) {
		t.Fatalf("written out it has %d trials instead of %d", len(is), len(was))
	}
	for i := range was {
		if w, n := was[i].Spec.Plan(), is[i].Spec.Plan(); !reflect.DeepEqual(w, n) {
			t.Fatalf("written out it is another load: %+v, was %+v", n, w)
		}
	}
}
