package importer

import (
	"errors"
	"os"
	"testing"

	"github.com/throng-io/throng/scenario/file"
)

// Whatever a script is, the importer does not panic, and what it makes of it is a scenario.
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
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		r, err := Artillery("f.yaml", text, func(string) ([]byte, error) {
			if payload == nil {
				return nil, errors.New("none")
			}
			return payload, nil
		})
		if err != nil {
			return
		}
		if _, err := file.Parse("made.yaml", r.Scenario, nil); err != nil {
			t.Fatalf("%v\n%s", err, r.Scenario)
		}
	})
}

func FuzzHAR(f *testing.F) {
	text, err := os.ReadFile("../../scenarios/import/chat.har")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"ws://h/socket.io/?EIO=4&transport=websocket"},"_webSocketMessages":[{"type":"receive","time":1,"opcode":1,"data":"0{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}"},{"type":"send","time":2,"opcode":1,"data":"42[\"join\",\"a\"]"},{"type":"send","time":3,"opcode":1,"data":"42[\"say\",{\"token\":\"x\",\"a\":[1,\"b\"]}]"}]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := HAR("f.har", text, "")
		if err != nil {
			return
		}
		for _, s := range []File{{"scenario.yaml", r.Scenario}, r.Files[1]} {
			if _, err := file.Parse(s.Name, s.Text, nil); err != nil {
				t.Fatalf("%v\n%s", err, s.Text)
			}
		}
	})
}
