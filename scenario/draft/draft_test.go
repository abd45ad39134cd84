package draft

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
)

// A talk is traffic as tests write it: packets of Socket.IO, each 100 ms after the one before.
type talk struct {
	t  *testing.T
	o  *Observer
	at time.Time
	by map[string]*Client
}

func newTalk(t *testing.T, limit int) *talk {
	t.Helper()
	return &talk{t: t, o: New(limit), at: time.Unix(1_000_000, 0), by: map[string]*Client{}}
}

// say plays lines of the form "NAME > PACKET" and "NAME < PACKET"; "NAME +" connects the client.
func (k *talk) say(lines ...string) {
	k.t.Helper()
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, " ")
		k.at = k.at.Add(100 * time.Millisecond)
		way, packet, _ := strings.Cut(rest, " ")
		switch way {
		case "+":
			k.by[name] = k.o.Open(k.at, "websocket")
			k.by[name].Message(k.at, true, false, []byte("0"+packet))
		case "-":
			k.by[name].Close(k.at)
		case ">", "<":
			k.by[name].Message(k.at, way == ">", false, []byte(packet))
		default:
			k.t.Fatalf("no line of a talk: %s", line)
		}
	}
}

func (k *talk) draft() (d *Draft, scenario, log string) {
	k.t.Helper()
	d = k.o.Draft(Options{Target: "http://h:1"})
	var out strings.Builder
	if err := d.WriteLog(&out); err != nil {
		k.t.Fatal(err)
	}
	return d, string(d.Scenario()), out.String()
}

// want fails when a text lacks one of some parts.
func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

// What a person wrote is the payload, and not the id that comes back with it.
func TestPayloadBesideAnID(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say("a +", "b +")
	for i := range 6 {
		text := fmt.Sprintf(`{"id":"%08x","text":"word number %d","lang":"en"}`, 0x9e3779b9+i, i)
		k.say(`a > 2["say",`+text+`]`, `a < 2["said",`+text+`]`, `b < 2["said",`+text+`]`)
	}
	_, scenario, _ := k.draft()
	want(t, scenario, `say: {emit: ["say", {id: "${uuid}", lang: "en", text: "${payload}"}], to: all, deliver: "said"}`)
}

// The picture of its sender, which comes with every message, is longer than what a person wrote.
func TestPayloadBesideAnAddress(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"a URL": "https://cdn.example.org/avatars/%d/picture-large.png", "a path": "/static/avatars/of/people/%d/picture-large.png"} {
		k := newTalk(t, 0)
		k.say("a +", "b +")
		for i := range 12 {
			text := fmt.Sprintf(`{"avatar":"`+address+`","text":"word number %d"}`, i%2, i)
			if i == 7 { // one has no picture
				text = `{"avatar":"","text":"word number 7"}`
			}
			k.say(`a > 2["say",`+text+`]`, `a < 2["said",`+text+`]`, `b < 2["said",`+text+`]`)
		}
		if _, scenario, _ := k.draft(); !strings.Contains(scenario, `text: "${payload}"}]`) {
			t.Errorf("%s:\n%s", name, scenario)
		}
	}
}

// Who receives a message is concluded from who received it.
func TestAudiences(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say("a +", "b +", "c +", "d +")
	for _, c := range []string{"a", "b", "c", "d"} {
		k.say(fmt.Sprintf(`%s > 21["room:join",{"room":"%s"}]`, c, map[bool]string{true: "x", false: "y"}[c < "c"]), c+` < 31["ok"]`)
	}
	for i := range 6 {
		text := fmt.Sprintf("word number %d", i)
		k.say(
			fmt.Sprintf(`a > 2["room:say",{"room":"x","text":"%s r"}]`, text), fmt.Sprintf(`a < 2["said","%s r"]`, text), fmt.Sprintf(`b < 2["said","%s r"]`, text),
			fmt.Sprintf(`a > 2["shout","%s s"]`, text), fmt.Sprintf(`b < 2["shouted",{"text":"%s s"}]`, text), fmt.Sprintf(`c < 2["shouted",{"text":"%s s"}]`, text), fmt.Sprintf(`d < 2["shouted",{"text":"%s s"}]`, text),
			fmt.Sprintf(`b > 23["echo","%s e"]`, text), fmt.Sprintf(`b < 2["echo","%s e"]`, text), `b < 33[]`,
			fmt.Sprintf(`b > 2["everybody","%s v"]`, text),
			fmt.Sprintf(`a < 2["all","%s v"]`, text), fmt.Sprintf(`b < 2["all","%s v"]`, text), fmt.Sprintf(`c < 2["all","%s v"]`, text), fmt.Sprintf(`d < 2["all","%s v"]`, text),
			fmt.Sprintf(`c > 2["whisper",{"to":"d","text":"%s w"}]`, text), fmt.Sprintf(`d < 2["whispered","%s w"]`, text),
			`d > 2["typing"]`,
		)
	}
	k.say("d -")
	_, scenario, log := k.draft()
	want(
		t, scenario,
		`join: {emit: ["room:join", {room: "${room}"}], ack: true}`,
		`room-say: {emit: ["room:say", {room: "${room}", text: "${payload}"}], to: room, deliver: "said"}`,
		`shout: {emit: ["shout", "${payload}"], to: others, deliver: "shouted"}`,
		`echo: {emit: ["echo", "${payload}"], to: self, deliver: "echo", ack: true}`,
		`everybody: {emit: ["everybody", "${payload}"], to: all, deliver: "all"}`,
		`# whisper: it reached single clients: say which in to:`, `whisper: {emit: ["whisper", {text: "text", to: "d"}], to: none}`,
		`typing: {emit: ["typing"], to: none}`, "rooms: {of: 2, join: 1}",
	)
	want(t, log, "u1,x,join,0\n", "u1,x,room-say,15\n", "u2,,echo,15\n", "u4,,typing,0\n", "u4,,connect,0\n")
}

// Values that may be credentials, texts that differ, and messages of several forms are not written.
func TestSecretsAreLeftOut(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say(`a + {"token":"hidden-1","user":{"name":"hidden-2"}}`)
	k.by["a"].Handshake(url.Values{"counter": nil, "key": nil, "EIO": nil, "sid": nil}, []string{"Host", "X-Api", "X-Forwarded-For", "Cookie"}, false)
	k.o.Request("POST", "/users/184467/reset/hidden-3-hidden-3-hidden-3")
	k.o.Request("POST", "/turned\u202e\n/around\u2066") // no scenario may have such characters
	k.say(
		`a > 2["login",{"user":"hidden-4","password":"hidden-5"}]`, `a > 2["session","hidden-6"]`,
		`a > 2["use",{"apiKey":12345678,"mode":"dark","id":"hidden-7"}]`, `a > 2["use",{"apiKey":12345678,"mode":"dark","id":"hidden-8"}]`,
		`a > 2["code",{"code":987654,"n":3}]`, `a > 2["odd",{"hidden-9":1}]`, `a > 2["odd",["hidden-10"],"hidden-11"]`,
		`a > 2["votes",{"hidden@example.org":5}]`, `a > 2["mail","hidden@example.org"]`, `a > 2["jwt","eyJhbGciOiJIUzI1NiJ9.aGlkZGVuMTIzNDU2.c2lnbmF0dXJl"]`,
		`a < 27["ask","x"]`, `a > 37["hidden-12"]`,
	)
	for i := range 2 { // what stays the same would stand in the draft
		k.say(
			`a > 2["authenticate","hidden-13"]`, `a > 2["join:with",{"token":"hidden-14"}]`, fmt.Sprintf(`a > 2["unlock",{"pin":%d}]`, 555_111+i),
			`a > 2["odd1",{"x":"hiddenhead.hiddenbody.hiddensign"}]`, `a > 2["odd2",{"x":"hiddenhidden1hiddenhidden"}]`, `a > 2["odd3","hidden`+strings.Repeat(" word", 20)+`"]`,
			fmt.Sprintf(`a < 28%d["password"]`, i), fmt.Sprintf(`a > 38%d["hidden-15"]`, i),
		)
	}
	k.say(`a > 2["deep",` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `]`)
	d, scenario, log := k.draft()
	for _, text := range []string{scenario, log, string(d.Replay())} {
		for _, secret := range []string{"hidden", "12345678", "987654", "184467", "eyJ", "555111", "\u202e", "\u2066"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in\n%s", secret, text)
			}
		}
	}
	want(
		t, scenario, `auth: {token: "${token}", user: "${user}"}`, `query: {counter: "${counter_value}", key: "${key}"}`, `headers: {X-Api: "${x_api}"}`, "#   POST /users/*/reset/*", "#   POST /turned/around\n", "# If one of them is a login, before: makes it",
		`login: {emit: ["login", {password: "${password}", user: "text"}], to: none}`, `use: {emit: ["use", {apiKey: "${apikey}", id: "text", mode: "dark"}], to: none}`,
		`odd: {emit: ["odd", {}], to: none}`, "Clients sent cookies", `"ask": {ack: true}`, `deep: {emit: ["deep"], to: none}`,
	)
}

// A key that no credential looks like is drafted with its value.
func TestKeysOfFormatsStay(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say("a +")
	for range 2 {
		k.say(`a > 2["note",{"@type":"Note","settings.appearance.theme":"dark","token":"hidden"}]`)
	}
	_, scenario, _ := k.draft()
	want(t, scenario, `note: {emit: ["note", {"@type": "Note", "settings.appearance.theme": "dark", token: "${token}"}], to: none}`)
}

// Clients of Socket.IO 2 have no CONNECT, and packets of MessagePack are read as well.
func TestOtherFormsOnTheWire(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	old := k.o.Open(k.at, "polling")
	old.Handshake(nil, nil, true)
	old.Upgraded()
	old.Message(k.at, false, false, []byte("0"))
	old.Message(k.at, true, false, []byte(`2["hi","there"]`))
	packed := k.o.Open(k.at, "websocket")
	connect, err := socketio.MessagePack.AppendConnect(nil, "/chat", map[string]string{"token": "x"})
	if err != nil {
		t.Fatal(err)
	}
	packed.Message(k.at, true, true, connect)
	event, _, err := socketio.MessagePack.AppendEvent(nil, "/chat", 0, false, "packed", "text", []byte{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	packed.Message(k.at, true, true, event)
	attached := k.o.Open(k.at, "websocket")
	attached.Message(k.at, true, false, []byte("0"))
	attached.Message(k.at, true, false, []byte(`51-["file",{"name":"f","data":{"_placeholder":true,"num":0}}]`))
	attached.Message(k.at, true, true, []byte{1, 2, 3})
	attached.Message(k.at, true, false, []byte(`2["broken`))
	d, scenario, log := k.draft()
	want(t, scenario, "transport: upgrade\n    engine: 3\n", "parser: msgpack", `namespace: ["/chat"]`, `hi: {emit: ["hi", "text"], to: none}`, `# file: 1 of its 1 messages had binary attachments`)
	want(t, log, "u1,,hi,7\n", "u1,,connect,0\n", "u2,,packed,")
	want(t, string(d.Replay()), "# Clients of Socket.IO 2 were among them.")
	if left := d.Left(); len(left) != 1 || !strings.Contains(left[0], "1 packets could not be read") {
		t.Errorf("left out: %q", left)
	}
}

// Beyond the limit messages are counted, not kept.
func TestLimit(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 10)
	k.say("a +")
	for range 50 {
		k.say(`a > 2["x"]`)
	}
	if clients, messages := k.o.Counts(); clients != 1 || messages != 9 {
		t.Errorf("%d clients, %d messages", clients, messages)
	}
	k.say(`a > 2["beyond"]`)
	d, scenario, log := k.draft()
	if n := strings.Count(log, "\n"); n != 11 {
		t.Errorf("%d lines", n)
	}
	if strings.Contains(scenario+string(d.Replay()), "beyond:") {
		t.Errorf("an event without a message is in\n%s", scenario)
	}
	if left := d.Left(); len(left) != 1 || !strings.Contains(left[0], "42 clients and messages beyond the limits") {
		t.Errorf("left out: %q", left)
	}
	if e, _, _ := newTalk(t, 0).draft(); !e.Empty() {
		t.Error("a draft of nothing is not empty")
	}
}

// Clients that come back are not more clients; what they name of their session of before is no
// credential; and what they send once when they have come is not sent at a rate.
func TestOpeningsAndReturns(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say(`a +`, `a > 20["doc:open","d1"]`, `a < 30["ok"]`, `b +`, `b > 20["doc:open","d1"]`, `b < 30["ok"]`)
	for i := range 4 {
		k.say(fmt.Sprintf(`a > 2["op","word number %d"]`, i), fmt.Sprintf(`b < 2["op","word number %d"]`, i), `b > 2["cursor",1]`)
	}
	k.say(`a -`, `a + {"pid":"p1","offset":"o1"}`, `a > 20["doc:open","d1"]`, `a < 30["ok"]`, `a > 2["op","once more"]`)
	d, scenario, log := k.draft()
	want(
		t, scenario, "  clients:\n    count: 1\n", "    flow: # once, when a client has come\n      - {emit: [\"doc:open\", \"d1\"], ack: 5s}\n",
		`- {op: cursor, rate:`, `doc-open: {emit: ["doc:open", "d1"], to: none, ack: true}`,
	)
	if strings.Contains(scenario, "offset") || strings.Contains(scenario, "op: doc-open") {
		t.Errorf("offset, or a rate of doc-open, is in\n%s", scenario)
	}
	replay := string(d.Replay())
	want(t, replay, "    count: 3\n", "      - {emit: [\"doc:open\", \"d1\"], ack: 5s}\n", "{op: cursor, replay:")
	if strings.Contains(replay, "op: doc-open") {
		t.Errorf("doc-open is played as well in\n%s", replay)
	}
	want(t, log, "u1,,doc-open,")
}

// Where clients send nothing but what they send once, no rule is about messages at a rate, nor about
// steps: no step is recorded.
func TestOpeningsAlone(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say(`a +`, `a > 20["login","ann"]`, `a < 30["ok"]`, `a < 2["tick",1]`, `b +`, `b > 20["login","bob"]`, `b < 30["ok"]`, `a < 2["tick",2]`)
	d, scenario, _ := k.draft()
	want(t, scenario, `- {emit: ["login", "text"], ack: 5s}`, "slo:\n  - errors(connect) == 0\n")
	replay := string(d.Replay())
	want(t, replay, `- {op: login, replay: "trace.csv"`, "  - errors(ack) == 0\n", "valid: [p99(lag) < 100ms")
	for _, text := range []string{scenario, replay} {
		if _, err := file.Parse("drafted.yaml", []byte(text), nil); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
	}
	if strings.Contains(scenario, "valid:") || strings.Contains(scenario, "errors(ack)") || strings.Contains(scenario, "errors(step)") {
		t.Errorf("nothing is sent at a rate, and no step is recorded in\n%s", scenario)
	}
}

// A replay has one group: what some of its clients send once comes from the log, and only from
// them.
func TestOpeningsOfSome(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say(`a +`, `a > 2["hello"]`, `a > 2["manage","all"]`, `b +`, `b > 2["hello"]`, `c +`)
	for range 4 {
		k.say(`a > 2["cursor",1]`, `b > 2["cursor",2]`)
	}
	d, scenario, _ := k.draft()
	want(t, scenario, `      - {emit: ["hello"]}`+"\n", `      - {emit: ["manage", "text"]}`+"\n")
	replay := string(d.Replay())
	want(t, replay, `      - {emit: ["hello"]}`+"\n", `{op: manage, replay: "trace.csv"`)
	if strings.Contains(replay, `- {emit: ["manage"`) || strings.Contains(replay, "op: hello") {
		t.Errorf("every client manages, or says hello twice in\n%s", replay)
	}
}

// The name of a person, which other events carry as well, is no payload.
func TestNamesAreNoPayload(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say("a +", "b +", "c +")
	for i := range 6 {
		typing := fmt.Sprintf(` < 2["typing",{"user":"bob%d"}]`, i)
		k.say(
			"a"+typing, fmt.Sprintf(`a > 2["dm",{"to":"bob%d","text":"a word %d"}]`, i, i), "a"+typing, "c"+typing,
			fmt.Sprintf(`b < 2["dm",{"from":"ann","text":"a word %d"}]`, i),
		)
	}
	_, scenario, _ := k.draft()
	want(t, scenario, "# dm: it reached single clients", `dm: {emit: ["dm", {text: "text", to: "text"}], to: none}`)
}

// Without a join no room is left, and a leave of another namespace than the join's is an event like
// others.
func TestLeavesWithoutTheirJoin(t *testing.T) {
	t.Parallel()
	k := newTalk(t, 0)
	k.say("a +", `a > 2["subscribe",["x","y"]]`, `a > 2["subscribe",["x"]]`, `a > 2["unsubscribe",["x"]]`)
	_, scenario, _ := k.draft()
	want(t, scenario, `unsubscribe: {emit: ["unsubscribe", ["text"]], to: none}`)
	k = newTalk(t, 0)
	k.say("a +", `a > 2/other,["leave","x"]`, `a > 2["join","x"]`, `a > 2["leave","x"]`)
	_, scenario, _ = k.draft()
	want(t, scenario, `  join: {emit: ["join", "${room}"]}`, `  leave: {emit: ["leave", "${room}"]}`, `namespace: "/other"}`)
}
