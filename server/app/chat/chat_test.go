package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
	"github.com/throng-io/throng/server/internal/testclient"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's own, which end later or never: see package server.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// object is what the chat sends and answers.
type object = map[string]any

// start serves a chat as `throng serve --app chat` does, and returns its host.
func start(t *testing.T, absent time.Duration, more ...func(*server.Server)) string {
	t.Helper()
	srv, err := app.New("chat", server.Options{Times: testclient.NoPings, Recovery: &server.Recovery{MaxDisconnection: absent}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range more {
		f(srv)
	}
	return testclient.Serve(t, srv)
}

// user is a client of the chat.
type user struct {
	*testclient.Client
	t         *testing.T
	offset    string
	recovered bool
	asked     int
	heard     []heard // not looked for yet
}

type heard struct {
	event string
	data  object
}

// connect connects a client, which comes back if it is given what it was.
func connect(t *testing.T, host string, before *user) *user {
	t.Helper()
	u, auth := &user{t: t}, ""
	if before != nil {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, before.PID, before.offset)
	}
	u.Client = testclient.Join(t, host, auth)
	for _, packet := range u.Missed {
		u.take(packet)
	}
	u.recovered = before != nil && before.PID == u.PID
	return u
}

// next reads one packet: an event, or the answer to what was asked.
func (u *user) next() (answer object) {
	u.t.Helper()
	return u.take(u.Next())
}

func (u *user) take(packet string) (answer object) {
	u.t.Helper()
	kind, list, _ := strings.Cut(packet, "[")
	var args []json.RawMessage
	if err := json.Unmarshal([]byte("["+list), &args); err != nil {
		u.t.Fatalf("%s: %v", packet, err)
	}
	if kind == fmt.Sprintf("43%d", u.asked) {
		if err := json.Unmarshal(args[0], &answer); err != nil {
			u.t.Fatalf("%s: %v", packet, err)
		}
		if answer == nil {
			return object{} // null
		}
		return answer
	}
	h := heard{}
	if err := json.Unmarshal(args[0], &h.event); err != nil {
		u.t.Fatalf("%s: %v", packet, err)
	}
	if err := json.Unmarshal(args[1], &h.data); err != nil {
		u.t.Fatalf("%s: %v", packet, err)
	}
	if err := json.Unmarshal(args[2], &u.offset); err != nil {
		u.t.Fatalf("%s: %v", packet, err)
	}
	u.heard = append(u.heard, h)
	return nil
}

// ask sends an event and returns the answer.
func (u *user) ask(event string, what object) object {
	u.t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		u.t.Fatal(err)
	}
	u.asked++
	u.Send(fmt.Sprintf("42%d[%q,%s]", u.asked, event, b))
	for {
		if answer := u.next(); answer != nil {
			return answer
		}
	}
}

// refused asks for what must be refused.
func (u *user) refused(event string, what object, why string) {
	u.t.Helper()
	if got, _ := u.ask(event, what)["error"].(string); !strings.Contains(got, why) {
		u.t.Errorf("%s %v: answer %q, want %q", event, what, got, why)
	}
}

// hear waits for an event with the given members, passing others by.
func (u *user) hear(event string, want object) object {
	u.t.Helper()
	for {
		for len(u.heard) > 0 {
			h := u.heard[0]
			u.heard = u.heard[1:]
			if h.event == event && holds(h.data, want) {
				return h.data
			}
		}
		if answer := u.next(); answer != nil {
			u.t.Fatalf("an answer %v that nobody asked for", answer)
		}
	}
}

func holds(data, want object) bool {
	for name, value := range want {
		if !reflect.DeepEqual(data[name], value) {
			return false
		}
	}
	return true
}

func login(t *testing.T, host, name string) *user {
	t.Helper()
	u := connect(t, host, nil)
	if answer := u.ask("login", object{"name": name}); answer["name"] != name {
		t.Fatalf("login of %s: %v", name, answer)
	}
	return u
}

func TestNames(t *testing.T) {
	host := start(t, time.Minute)
	ann := login(t, host, "Ann")
	bob := connect(t, host, nil)
	for name, why := range map[string]string{
		"Ann": "taken", " ann ": "taken", "": "missing", " \t": "missing", strings.Repeat("x", 25): "too long",
		"a\u202eb": "cannot be shown", "a\x00b": "cannot be shown",
	} {
		bob.refused("login", object{"name": name}, why)
	}
	bob.refused("say", object{"room": "lobby", "text": "hi"}, "log in")
	bob.refused("join", object{"room": "x"}, "log in")
	bob.refused("login", object{"name": 7}, "not understood")
	answer := bob.ask("login", object{"name": " Bob   the  Builder "})
	if answer["name"] != "Bob the Builder" {
		t.Fatalf("login: %v", answer)
	}
	users := []any{object{"name": "Ann", "state": "here"}, object{"name": "Bob the Builder", "state": "here"}}
	if !reflect.DeepEqual(answer["users"], users) {
		t.Errorf("users: %v", answer["users"])
	}
	bob.refused("login", object{"name": "Bobby"}, "logged in as")
	ann.hear("user", object{"name": "Bob the Builder", "state": "here"})
	bob.Send("41")
	ann.hear("user", object{"name": "Bob the Builder", "state": "gone"})
	login(t, host, "bob the builder") // the name is free again
}

func TestRooms(t *testing.T) {
	host := start(t, time.Minute)
	ann, bob := login(t, host, "Ann"), login(t, host, "Bob")
	html := `<img src=x onerror="alert(1)"> & "so on"`
	ann.ask("say", object{"room": "lobby", "text": html})
	for _, u := range []*user{ann, bob} {
		u.hear("message", object{"room": "lobby", "from": "Ann", "text": html})
	}

	if answer := ann.ask("join", object{"room": "#Tea"}); answer["name"] != "Tea" || answer["history"] == nil {
		t.Fatalf("join: %v", answer)
	}
	bob.hear("room", object{"name": "Tea", "members": 1.0})
	bob.refused("say", object{"room": "Tea", "text": "let me in"}, "not in this room")
	ann.ask("say", object{"room": "tea", "text": "first"})
	joined := bob.ask("join", object{"room": "tea"})
	if history, _ := joined["history"].([]any); len(history) != 1 || !holds(history[0].(object), object{"text": "first", "room": "Tea"}) {
		t.Errorf("history: %v", joined)
	}
	bob.ask("typing", object{"room": "Tea", "on": true}) // acknowledged, if one asks for it
	ann.hear("typing", object{"room": "Tea", "from": "Bob", "on": true})

	bob.ask("leave", object{"room": "Tea"})
	ann.hear("room", object{"name": "Tea", "members": 1.0})
	ann.ask("say", object{"room": "Tea", "text": "alone"})
	ann.ask("leave", object{"room": "Tea"})
	if gone := bob.hear("room", object{"name": "Tea", "members": 0.0}); gone == nil {
		t.Error("the room stayed")
	}
	for _, h := range bob.heard {
		if h.event == "message" && h.data["text"] == "alone" {
			t.Error("heard in a room that was left")
		}
	}
	bob.refused("leave", object{"room": "lobby"}, "lobby")
	bob.refused("leave", object{"room": "Tea"}, "not in this room")
	bob.refused("join", object{"room": " "}, "missing")
	bob.refused("say", object{"room": "lobby", "text": " \n"}, "nothing")
	bob.refused("say", object{"room": "lobby", "text": strings.Repeat("é", 2001)}, "too long")
	for i := range 19 {
		bob.ask("join", object{"room": fmt.Sprint("room ", i)})
	}
	bob.refused("join", object{"room": "one more"}, "leave one")
}

func TestHistoryIsBounded(t *testing.T) {
	host := start(t, time.Minute)
	said := 0
	for _, name := range []string{"Ann", "Bob", "Eve"} {
		u := login(t, host, name)
		for range 20 {
			if answer := u.ask("say", object{"room": "lobby", "text": fmt.Sprint(said)}); answer["error"] != nil {
				t.Fatal(answer)
			}
			said++
		}
	}
	joined, _ := connect(t, host, nil).ask("login", object{"name": "Joe"})["joined"].([]any)
	history, _ := joined[0].(object)["history"].([]any)
	if len(history) != 50 || history[0].(object)["text"] != "10" || history[49].(object)["text"] != "59" {
		t.Errorf("%d messages: %v", len(history), history)
	}
}

func TestNobodyFloods(t *testing.T) {
	ann := login(t, start(t, time.Minute), "Ann")
	for range 1000 {
		if why, no := ann.ask("say", object{"room": "lobby", "text": "more"})["error"]; no {
			if !strings.Contains(why.(string), "not so fast") {
				t.Error(why)
			}
			return
		}
	}
	t.Error("a thousand messages on end were taken")
}

func TestWhispers(t *testing.T) {
	host := start(t, time.Minute)
	ann, bob, eve := login(t, host, "Ann"), login(t, host, "Bob"), login(t, host, "Eve")
	if answer := ann.ask("whisper", object{"to": "bob", "text": "psst"}); answer["away"] != false {
		t.Errorf("answer: %v", answer)
	}
	for _, u := range []*user{ann, bob} {
		u.hear("whisper", object{"from": "Ann", "to": "Bob", "text": "psst"})
	}
	bob.ask("typing", object{"to": "Ann", "on": true})
	ann.hear("typing", object{"to": "Ann", "from": "Bob"})
	ann.refused("whisper", object{"to": "Nobody", "text": "x"}, "nobody")
	ann.refused("whisper", object{"to": "ANN", "text": "x"}, "yourself")
	ann.ask("say", object{"room": "lobby", "text": "aloud"})
	for h := (heard{}); h.data["text"] != "aloud"; {
		for len(eve.heard) == 0 {
			eve.next()
		}
		if h, eve.heard = eve.heard[0], eve.heard[1:]; h.event == "whisper" || h.event == "typing" {
			t.Errorf("Eve heard %v", h)
		}
	}
}

// A connection breaks, and its client comes back to what it missed.
func TestComingBack(t *testing.T) {
	host := start(t, time.Minute)
	ann, bob := login(t, host, "Ann"), login(t, host, "Bob")
	bob.ask("join", object{"room": "Tea"})
	bob.Close()
	ann.hear("user", object{"name": "Bob", "state": "away"})
	ann.refused("login", object{"name": "Bob"}, "logged in as")
	connect(t, host, nil).refused("login", object{"name": "Bob"}, "taken")
	ann.ask("say", object{"room": "lobby", "text": "are you there?"})
	if answer := ann.ask("whisper", object{"to": "Bob", "text": "call me"}); answer["away"] != true {
		t.Errorf("answer: %v", answer)
	}

	back := connect(t, host, bob)
	if !back.recovered {
		t.Fatal("not recovered")
	}
	back.hear("message", object{"text": "are you there?"})
	back.hear("whisper", object{"text": "call me"})
	ann.hear("user", object{"name": "Bob", "state": "here"})
	back.ask("say", object{"room": "Tea", "text": "still in it"})
	back.hear("message", object{"room": "Tea", "text": "still in it"})
}

// A client that comes back from another server of a cluster, which knows its user only as JSON,
// logs in again.
func TestComingFromAnotherServer(t *testing.T) {
	host := start(t, time.Minute, func(srv *server.Server) {
		srv.OnDisconnecting(func(s *server.Socket, _ string) { s.Data = map[string]any{"name": "Bob"} })
	})
	bob := login(t, host, "Bob")
	bob.Close()
	for tries := 0; ; tries++ {
		back := connect(t, host, bob)
		if back.recovered {
			back.hear("login-required", object{})
			back.ask("login", object{"name": "Bobby"})
			return
		}
		if tries == 3000 {
			t.Fatal("not recovered")
		}
		time.Sleep(10 * time.Millisecond) // the server has not noticed yet that it has left
	}
}

// One that stays away too long is gone; its key brings back what is still there.
func TestStayingAway(t *testing.T) {
	host := start(t, 200*time.Millisecond)
	ann, bob := login(t, host, "Ann"), login(t, host, "Bob")
	bob.Close()
	ann.hear("user", object{"name": "Bob", "state": "away"})
	ann.hear("user", object{"name": "Bob", "state": "gone"})
	if back := connect(t, host, bob); back.recovered {
		t.Error("recovered after that")
	}
	login(t, host, "Bob")
}

// The key that a login returns takes the name over, from a connection of which the server does not
// know yet that it is dead.
func TestKey(t *testing.T) {
	host := start(t, time.Minute)
	ann := login(t, host, "Ann")
	old := connect(t, host, nil)
	key := old.ask("login", object{"name": "Bob"})["key"]
	old.ask("join", object{"room": "Tea"})
	bob := connect(t, host, nil)
	bob.refused("login", object{"name": "Bob", "key": "guess"}, "taken")
	answer := bob.ask("login", object{"name": "Bob", "key": key})
	if joined, _ := answer["joined"].([]any); answer["key"] != key || len(joined) != 2 {
		t.Fatalf("login: %v", answer)
	}
	for packet := ""; packet != "41"; {
		packet = old.Next() // the old one is told to go
	}
	ann.ask("whisper", object{"to": "Bob", "text": "to the new one"})
	bob.hear("whisper", object{"text": "to the new one"})
	bob.ask("say", object{"room": "Tea", "text": "in the old room"})
	bob.hear("message", object{"room": "Tea"})
	for _, h := range ann.heard {
		if h.event == "user" && h.data["state"] != "here" {
			t.Errorf("Ann heard %v", h.data)
		}
	}
}

func TestSite(t *testing.T) {
	url := "http://" + start(t, time.Minute)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(method, path, tag string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("If-None-Match", tag)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp, b.String()
	}
	for path, want := range map[string][2]string{
		"/":          {"text/html", `src="/plain.js"`},
		"/chat.css":  {"text/css", "--accent"},
		"/chat.js":   {"text/javascript", "import"},
		"/view.js":   {"text/javascript", "export"},
		"/plain.js":  {"text/javascript", "window.io"},
		"/icon.svg":  {"image/svg+xml", "<svg"},
		"/?utm=mail": {"text/html", "make web"},
	} {
		resp, body := get("GET", path, "")
		h := resp.Header
		if resp.StatusCode != 200 || !strings.HasPrefix(h.Get("Content-Type"), want[0]) || !strings.Contains(body, want[1]) {
			t.Errorf("%s: %s %s, %d bytes", path, resp.Status, h.Get("Content-Type"), len(body))
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self'") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		if again, _ := get("GET", path, h.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s: again %s", path, again.Status)
		}
	}
	for path, want := range map[string]int{"/index.html": 404, "/page/chat.js": 404, "/../chat.go": 404, "/socket.io/socket.io.js": 400} {
		if resp, _ := get("GET", path, ""); resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if resp, _ := get("POST", "/", ""); resp.StatusCode != 405 {
		t.Errorf("POST: %s", resp.Status)
	}
}
