package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// withData parses a scenario that lies beside its data files.
func withData(t *testing.T, text string, files map[string]string) *file.File {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := file.Parse(filepath.Join(dir, "s.yaml"), []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func trialOf(t *testing.T, f *file.File) *trial {
	t.Helper()
	tables, err := f.Data()
	if err != nil {
		t.Fatal(err)
	}
	c := f.Cells()[0]
	return newTrial(&c, &Endpoint{URL: "http://127.0.0.1:1"}, nil, Options{tables: tables}, place{i: 0, n: 1})
}

const fed = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
data:
  users: {csv: users.csv, pick: PICK}
  more: {jsonl: more.jsonl}
groups:
  a:
    count: 3
    auth: {t: "${users.token}", age: $more.age, note: "<${more.note}>", all: $more.list, i: $client.index}
    query: {q: "${users.token}&"}
    headers: {X-A: "${users.name}"}
  b: {count: 2, auth: {t: "${users.token}"}}
  c: {count: 2}
`

var fedFiles = map[string]string{
	"users.csv":  "name,token,unused\n\"A \"\"q\"\"\",t0,1\nB,t1,2\nC,t2,3\nD,t3,4\nE,\"t,4\",5\n",
	"more.jsonl": `{"age":7,"note":"a\"b","list":[1,{"x":2}]}` + "\n\n" + `{"age":8,"note":"é","list":null}` + "\n",
}

func TestTemplatesTakeData(t *testing.T) {
	tr := trialOf(t, withData(t, strings.Replace(fed, "PICK", "unique", 1), fedFiles))
	a, b := tr.groups[0], tr.groups[1]
	cfg := a.config(&user{}, 0, 0)
	if got, want := string(cfg.Auth), `{"t":"t0","age":7,"note":"<a\"b>","all":[1,{"x":2}],"i":0}`; got != want {
		t.Errorf("auth %s, want %s", got, want)
	}
	if got := cfg.Query.Encode(); got != "q=t0%26" {
		t.Errorf("query %s", got)
	}
	if got := cfg.Header["X-A"]; len(got) != 1 || got[0] != `A "q"` {
		t.Errorf("header %q", got)
	}
	if got := string(a.config(&user{}, 1, 0).Auth); !strings.Contains(got, `"age":8,"note":"<é>","all":null`) {
		t.Errorf("auth of the second %s", got)
	}
	if got := string(a.config(&user{}, 2, 0).Auth); !strings.Contains(got, `"age":7`) {
		t.Errorf("the rows do not begin anew: %s", got)
	}
	if got := string(b.config(&user{}, 1, 0).Auth); got != `{"t":"t,4"}` {
		t.Errorf("the second group takes rows of the first: %s", got)
	}
}

// Whatever stands in a template is refused in words, or makes JSON.
func FuzzTemplates(f *testing.F) {
	for _, s := range []string{
		"$client.index", "a${group}b", "<${uuid}>", "$uuid", "${random.int(1, 9)}", "${pick(a, b)}", "${time.ms}", "$$", "$", "${", "${}", "${a.b}", "\"${client.index}\\",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := file.Parse("t.yaml", fmt.Appendf(nil, "version: 1\nname: t\ntarget: {url: \"http://127.0.0.1:1\"}\ngroups: {a: {count: 2, auth: {t: %s}}}\n", quoted), nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "t.yaml:") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		tr := trialOf(t, parsed)
		defer tr.udp.Close()
		defer tr.http.close()
		if auth := tr.groups[0].config(&user{}, 1, 0).Auth; !json.Valid(auth) {
			t.Errorf("%q became %s", text, auth)
		}
	})
}

func TestPicks(t *testing.T) {
	rows := func(pick string) string {
		tr := trialOf(t, withData(t, strings.Replace(fed, "PICK", pick, 1), fedFiles))
		var out []int
		for client := range 40 {
			out = append(out, tr.feeds[0].row(tr.groups[0], client))
		}
		return fmt.Sprint(out)
	}
	if got := rows("sequential"); !strings.HasPrefix(got, "[0 1 2 3 4 0 1 2 3 4 ") {
		t.Errorf("sequential: %s", got)
	}
	random := rows("random")
	if random != rows("random") {
		t.Errorf("random differs from run to run")
	}
	if random == rows("sequential") || !strings.Contains(random, "4") || !strings.Contains(random, "0") {
		t.Errorf("random: %s", random)
	}
}

// A server with events of its own is measured as exactly as ours.
func TestForeignContract(t *testing.T) {
	t.Parallel()
	for name, withAck := range map[string]bool{"join is acknowledged": true, "join is not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foreign := &fakeServer{}
			foreign.send = func(c *fakeConn, packet []byte) (bool, error) {
				var p socketio.Packet
				if err := p.Parse(append([]byte(nil), packet...)); err != nil {
					t.Errorf("bad packet %q: %v", packet, err)
					return true, nil
				}
				event, args, _ := socketio.SplitEvent(p.Data)
				switch string(event) {
				case "room:join":
					if p.HasID != withAck {
						t.Errorf("a join with id %v, want %v", p.HasID, withAck)
					}
					var room string
					_ = socketio.Bind(args, nil, &room)
					foreign.mu.Lock()
					c.rooms[room] = true
					foreign.mu.Unlock()
					if p.HasID {
						c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[]", p.ID)})
					}
				case "chat:say":
					var say struct{ Room, Body string }
					if err := socketio.Bind(args, nil, &say); err != nil || len(say.Body) != 100 {
						t.Errorf("said %s: %v", args, err)
					}
					body, _ := json.Marshal(say.Body)
					foreign.mu.Lock()
					foreign.cast(c, [][]byte{[]byte(`"chat:said"`), fmt.Appendf(nil, `{"n":1,"body":%s}`, body)}, func(o *fakeConn) bool { return o.rooms[say.Room] })
					foreign.cast(c, [][]byte{[]byte(`"other"`), fmt.Appendf(nil, `{"body":%s}`, body)}, func(o *fakeConn) bool { return o.rooms[say.Room] })
					foreign.cast(c, [][]byte{[]byte(`"chat:said"`), []byte(`{"body":"of somebody else, and long enough for a stamp"}`)}, func(o *fakeConn) bool { return true })
					foreign.mu.Unlock()
					c.deliver(fakePacket{text: fmt.Appendf(nil, `3%d["ok"]`, p.ID)})
				default:
					t.Errorf("the event %s", event)
				}
				return true, nil
			}
			text := strings.Replace(foreignChat, "ACK", fmt.Sprint(withAck), 1)
			c := play(t, foreign, text)
			l := c.Ledger
			if l.Sent != 40 || l.Expected != 160 || l.Received != 160 || l.Duplicate != 0 {
				t.Errorf("ledger %+v, want 40 sent and 160 received", l)
			}
			if c.Verdict != result.Pass || len(c.Errors) != 0 {
				t.Errorf("verdict %s %s, errors %v", c.Verdict, c.Reason, c.Errors)
			}
			if h := c.Latency["ack"]; h == nil || h.N != 40 {
				t.Errorf("acks %+v", h)
			}
		})
	}
}

const foreignChat = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
contract:
  join: {emit: [room:join, "${room}"], ack: ACK}
  operations:
    say: {emit: [chat:say, {room: "${room}", body: "${payload}"}], to: room, deliver: chat:said, stamp: "$[0].body"}
groups:
  people:
    count: 20
    connect: {rate: 10k/s}
    rooms: {of: 5}
    send: [{op: say, rate: 2/s, size: 100B, ack: 1s}]
phases:
  - {name: ramp, for: 300ms, clients: 0%..100%, load: 0%, record: false}
  - {name: rest, for: 1s, load: 0%, record: false}
  - {name: hold, for: 1s}
`

// What a stream sends is filled in without allocating.
func TestPatternDoesNotAllocate(t *testing.T) {
	tr := trialOf(t, withData(t, strings.Replace(fed, "PICK", "unique", 1)+`
  d: {count: 2, rooms: {of: 3}, send: [{op: room, rate: 1/s, data: {u: "${users.name}", s: "${seq}", r: "${room}", e: "${event}", g: $group, p: "${payload}"}}]}
`, map[string]string{"users.csv": fedFiles["users.csv"] + "F,t5,6\nG,t6,7\n", "more.jsonl": fedFiles["more.jsonl"]}))
	s := tr.streams[0]
	s.fill.room = "r1"
	buf := make([]byte, 0, 1024)
	st := &stamp.Stamp{Run: 1}
	n := testing.AllocsPerRun(100, func() {
		s.fill.stamp, s.fill.seq = st, 7
		buf = s.custom.append(buf[:0], &s.fill)
	})
	if n != 0 {
		t.Errorf("%g allocations a message", n)
	}
	want := `["room","r1","msg",{"u":"A \"q\"","s":"7","r":"r1","e":"msg","g":"d","p":{"$b":"`
	if !strings.HasPrefix(string(buf), strings.Replace(want, `A \"q\"`, "F", 1)) || !json.Valid(buf) {
		t.Errorf("%s", buf)
	}
	if got, state := tr.groups[0].finder.Find(buf, nil); state != stamp.Found || got.Run != 1 {
		t.Errorf("the stamp is not found in %s", buf)
	}
}
