package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// replayed is a scenario that plays a log, with %s for its path and %s for more keys.
const replayed = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 3, connect: {rate: 10k/s}, send: [{replay: "%s", late: 300ms%s}]}
phases:
  - {name: ramp, for: 400ms, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: hold, for: 3s}
slo: [max(delivery) < 1h, loss(delivery) == 0]
`

func writeLog(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(path, []byte(strings.TrimLeft(rows, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const chatLog = `
time,user,room,event,size
10,ada,lobby,join,
10,bo,lobby,join,
10.0,ada,lobby,room,100
10.5,bo,lobby,room,60
10.5,bo,den,room,200
11.25,eve,,all,90
12,ada,,echo,80
`

// sentPackets notes when clients sent what, from the first recorded phase on.
type sentPacket struct {
	at   time.Duration
	conn int
	name string
	args string
}

// Each message is sent by its user's client, at its recorded time, to its room, in its size; the
// ledger expects what the log says.
func TestReplayPlaysTheLog(t *testing.T) {
	t.Parallel()
	var sent []sentPacket
	s := &fakeServer{}
	var start time.Duration
	s.send = func(c *fakeConn, packet []byte) (bool, error) {
		var pk socketio.Packet
		if pk.Parse(packet) == nil {
			if name, args, err := socketio.SplitEvent(pk.Data); err == nil && string(name) != "join" {
				if len(sent) == 0 {
					start = client.Now()
				}
				sent = append(sent, sentPacket{client.Now() - start, c.i, string(name), string(args)})
			}
		}
		return false, nil
	}
	csv := strings.ReplaceAll(chatLog, "join,\n", "join,0\n")
	c := play(t, s, fmt.Sprintf(replayed, writeLog(t, csv), ", speed: 2x"))
	want := result.Ledger{Due: 5, Sent: 5, Expected: 2 + 2 + 1 + 3 + 1, Received: 9}
	if c.Ledger != want {
		t.Errorf("ledger %+v, want %+v", c.Ledger, want)
	}
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s %v", c.Verdict, c.Reason, c.Warnings)
	}
	var got []string
	for _, p := range sent {
		size := len(p.args)
		room := ""
		if p.name == "room" {
			room, _, _ = strings.Cut(strings.TrimPrefix(p.args, `"`), `"`)
			size -= len(room) + len(`"",`)
		}
		if p.name != "echo" {
			size -= len(`"msg",`)
		}
		got = append(got, fmt.Sprintf("%v %d %s %s %d", p.at, p.conn, p.name, room, size))
	}
	// The probe is connection 0.
	wantSent := []string{"0s 1 room lobby 100", "250ms 2 room lobby 60", "250ms 2 room den 200", "625ms 3 all  90", "1s 1 echo  80"}
	if strings.Join(got, "\n") != strings.Join(wantSent, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wantSent, "\n"))
	}
}

// The load of the phases scales the speed, and latency counts from when a row was due.
func TestReplayStandsStillWithoutLoad(t *testing.T) {
	t.Parallel()
	csv := "time,user,room,event,size\n0,a,r,room,50\n1,a,r,room,50\n2,a,r,room,50\n2.9,b,r,room,50\n"
	text := strings.Replace(fmt.Sprintf(replayed, writeLog(t, csv), ""), "{name: hold, for: 3s}", "{name: hold, for: 1s}\n  - {name: still, for: 5s, load: 0%}\n  - {name: rest, for: 1s, load: 200%}", 1)
	var at []time.Duration
	fake := &fakeServer{send: func(_ *fakeConn, packet []byte) (bool, error) {
		if strings.Contains(string(packet), `["room"`) {
			at = append(at, client.Now())
		}
		return false, nil
	}}
	c := play(t, fake, text)
	if c.Ledger.Due != 4 || c.Ledger.Received != 4*2 {
		t.Errorf("ledger %+v", c.Ledger)
	}
	for i, want := range []time.Duration{0, 6 * time.Second, 6*time.Second + 500*time.Millisecond, 6*time.Second + 950*time.Millisecond} {
		if len(at) != 4 || at[i]-at[0] != want {
			t.Errorf("sent at %v, want %v after the first", at, want)
		}
	}
	for _, w := range c.Warnings {
		if strings.Contains(w, "the phases end before the log") {
			t.Error(w)
		}
	}
}

// Rows that are due after the last phase are left out, which the run says; the numbers are exact.
func TestReplayLongerThanThePhases(t *testing.T) {
	t.Parallel()
	var csv strings.Builder
	csv.WriteString("time,event\n")
	for i := range 500 {
		fmt.Fprintf(&csv, "%d.%02d,all\n", i/100, i%100)
	}
	c := play(t, &fakeServer{}, fmt.Sprintf(replayed, writeLog(t, csv.String()), ", clients: in turn"))
	if c.Ledger.Due != 300 || c.Ledger.Received != 900 {
		t.Errorf("ledger %+v", c.Ledger)
	}
	if !strings.Contains(strings.Join(c.Warnings, "\n"), "the phases end before the log") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// A message of a client that is not there is dropped, and counted.
func TestReplayOfAnAbsentClient(t *testing.T) {
	t.Parallel()
	csv := "time,user,event,size\n0,a,all,50\n0.5,b,all,50\n1,c,all,50\n"
	text := strings.Replace(fmt.Sprintf(replayed, writeLog(t, csv), ""), "{name: hold, for: 3s}", "{name: hold, for: 3s, clients: 60%}", 1)
	c := play(t, &fakeServer{}, strings.Replace(text, "0%..100%", "0%..60%", 1))
	if c.Ledger.Due != 3 || c.Ledger.Sent != 2 || c.Ledger.Dropped != 1 {
		t.Errorf("ledger %+v %v", c.Ledger, c.Errors)
	}
	if c.Errors["send.unconnected"] != 1 {
		t.Errorf("errors %v", c.Errors)
	}
}

// The text of a message is sent with its stamp, in the contract's words.
func TestReplaySendsBodies(t *testing.T) {
	t.Parallel()
	var args []string
	s := &fakeServer{send: func(_ *fakeConn, packet []byte) (bool, error) {
		if i := strings.Index(string(packet), `["all","msg",`); i >= 0 {
			args = append(args, string(packet[i:]))
		}
		return false, nil
	}}
	csv := "time,user,event,body\n0,a,all,\"hello, \"\"you\"\"\"\n0.5,b,all,José\n"
	c := play(t, s, fmt.Sprintf(replayed, writeLog(t, csv), ""))
	if c.Ledger.Due != 2 || c.Ledger.Received != 6 || len(c.Errors) != 0 {
		t.Errorf("ledger %+v %v", c.Ledger, c.Errors)
	}
	if len(args) != 2 || !strings.HasSuffix(args[0], `","p":"hello, \"you\""}]`) || !strings.HasSuffix(args[1], `","p":"José"}]`) {
		t.Errorf("sent %q", args)
	}
}

// Each message of a stream has its own row; streams that share a file take turns.
func TestEachMessageHasItsRow(t *testing.T) {
	t.Parallel()
	var rows []string
	for i := range 40 {
		rows = append(rows, fmt.Sprintf("word%d", i))
	}
	path := writeLog(t, "text\n"+strings.Join(rows, "\n")+"\n")
	seen := map[string]int{}
	s := &fakeServer{send: func(_ *fakeConn, packet []byte) (bool, error) {
		for _, w := range rows {
			if strings.Contains(string(packet), `"`+w+`"`) {
				seen[w]++
			}
		}
		return false, nil
	}}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
data: {log: {csv: "`+path+`", each: message}}
groups:
  people:
    count: 2
    send:
      - {op: all, rate: 10/s, data: {text: "${log.text}"}, late: 300ms}
      - {op: echo, rate: 5/s, data: {text: "${log.text}"}, late: 300ms}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 2s}
`)
	if c.Ledger.Sent != 40 {
		t.Fatalf("ledger %+v", c.Ledger)
	}
	for _, w := range rows {
		if seen[w] != 1 {
			t.Errorf("%s was sent %d times", w, seen[w])
		}
	}
}

// A log that does not fit the group is refused before anything is sent, with its place.
func TestLogsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, csv, more, want string }{
		{"no time", "user,event\na,all\n", "", "trace.csv:1:1: there is no column `time`"},
		{"no users", "time,event\n0,all\n", "", "test.yaml:6:62: %s has no column `user`; add it, or write clients: in turn"},
		{"users", "time,user,event\n0,a,all\n0,b,all\n0,c,all\n0,d,all\n", "", "has 4 users and the group people 3 clients; write count: 4, or clients: in turn"},
		{"unsorted", "time,user,event\n5,a,all\n4.75,b,all\n", "", "trace.csv:3:1: the time 4.75 is 250ms before the time of the row above it; sort the rows by time"},
		{"event", "time,user,event\n0,a,all\n0,b,al\n", "", "trace.csv:3:5: no operation has the event \"al\"; did you mean `all`?"},
		{"no event", "time,user\n0,a\n", "", "has no column `event`; add it, or name the operation of its messages: op: room"},
		{"no room", "time,user,room,event\n0,a,r,room\n0,b,,room\n", "", "trace.csv:3:5: the message has no room"},
		{"no rooms", "time,user,event\n0,a,room\n", "", "does not say which room its messages are for; add the columns user and room"},
		{"size", "time,user,event,size\n0,a,all,many\n", "", "trace.csv:2:9: \"many\" is not a number of bytes; write a whole number such as 120"},
		{"other op", "time,user,event\n0,a,say\n", ", op: all", "no row of %s is of op: all; its events are say: write event: and one of them"},
		{"kinds", "time,user,event\n2026-01-02T03:04:05Z,a,all\n7,a,all\n", "", "trace.csv:3:1: the time 7 is of another kind than the times above it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := writeLog(t, c.csv)
			f, err := file.Parse("test.yaml", fmt.Appendf(nil, replayed, path, c.more), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", dial: (&fakeServer{}).dial})
			if want := strings.ReplaceAll(c.want, "%s", path); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
}
