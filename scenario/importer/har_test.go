package importer

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// A browser's recording, of polling and then a websocket, becomes a log, a scenario that plays it and
// a drafted one, without its secrets.
func TestRecording(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../scenarios/import/chat.har")
	if err != nil {
		t.Fatal(err)
	}
	r, err := HAR("chat.har", text, "")
	if err != nil {
		t.Fatal(err)
	}
	got := string(r.Scenario)
	for _, f := range r.Files {
		got += "\n-- " + f.Name + " --\n" + string(f.Text)
		if strings.HasSuffix(f.Name, ".yaml") {
			if _, err := file.Parse(f.Name, f.Text, nil); err != nil {
				t.Error(err)
			}
		}
	}
	golden(t, "har.golden", got)
	if _, err := file.Parse("scenario.yaml", r.Scenario, nil); err != nil {
		t.Errorf("%v\n%s", err, got)
	}
	for _, secret := range []string{"4711", "noon", "sockA", "sidA"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in the files", secret)
		}
	}
}

// Of a session over WebTransport a browser exports that it was there, and so the import says that it
// is left out.
func TestRecordingOfWebTransport(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../scenarios/import/chat.har")
	if err != nil {
		t.Fatal(err)
	}
	const entries = `"entries": [`
	if !strings.Contains(string(text), entries) {
		t.Fatal("the recording is written otherwise")
	}
	with := strings.Replace(string(text), entries, entries+`{"_resourceType": "webtransport", "startedDateTime": "2026-01-02T03:04:05Z", "request": {"method": "CONNECT", "url": "https://127.0.0.1:3000/socket.io/"}},`, 1)
	r, err := HAR("chat.har", []byte(with), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0].Text, "sessions over WebTransport") {
		t.Errorf("notes %+v", r.Notes)
	}
	if strings.Contains(string(r.Scenario), "CONNECT") {
		t.Errorf("the session is a request in\n%s", r.Scenario)
	}
}

// However many sockets there are of other servers, they are left out with one note for each server.
func TestRecordingOfTwoServers(t *testing.T) {
	t.Parallel()
	const other = `,{"startedDateTime":"2026-01-02T03:04:06Z","request":{"method":"GET","url":"http://other/socket.io/?EIO=4&transport=polling"}}`
	text := `{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"ws://h/socket.io/?EIO=4&transport=websocket"},` +
		`"_webSocketMessages":[{"type":"receive","time":1,"opcode":1,"data":"0{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}"},{"type":"send","time":2,"opcode":1,"data":"40"}]}` +
		strings.Repeat(other, 3) + `]}}`
	r, err := HAR("two.har", []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || r.Notes[0].Text != "sockets of another server: http://other" {
		t.Errorf("notes %+v", r.Notes)
	}
}

// A recording that is too long says what is left out.
func TestRecordingTooLong(t *testing.T) {
	t.Parallel()
	tl := &timeline{events: make([]event, maxEvents)}
	tl.add(time.Time{}, nil)
	tl.events = nil
	tl.play()
	if want := "the recording has more than 2000000 packets: the last 1 are left out"; !slices.Equal(tl.notes, []string{want}) {
		t.Errorf("%q, want %q", tl.notes, want)
	}
}

// What is no recording, or has no sockets in it, is one line.
func TestRecordingsThatAreNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "x.har:1:1: the file is no HTTP archive: unexpected end of JSON input; export it from the network panel of a browser, as HAR with content",
		"[]":                       "x.har:1:1: the file is no HTTP archive: it cannot be array; ",
		`{"log": {"entries": 1}}`:  "x.har:1:1: the file is no HTTP archive: log.entries cannot be number; ",
		"{\n \"é\": x}":            "x.har:2:7: the file is no HTTP archive: invalid character 'x' looking for beginning of value; ",
		`{"log": {"entries": []}}`: "x.har:1:1: the recording has no connection of Socket.IO in it; open the network panel before the page connects, and export with content; --path names another path than /socket.io/",
	} {
		if _, err := HAR("x.har", []byte(text), ""); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
