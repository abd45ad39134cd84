package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logged is a scenario beside a recorded log t.csv; "-" is no file. %s in it is the folder.
func logged(t *testing.T, scenario, log string) (f *File, dir string) {
	t.Helper()
	dir = t.TempDir()
	if log != "-" {
		if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Parse(filepath.Join(dir, "s.yaml"), []byte(scenario), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// replaying is a group of two clients with a stream, and what the group has besides.
func replaying(stream, more string) string {
	return "version: 1\nname: s\ngroups:\n  a:\n    count: 2\n" + more + "    send: [{" + stream + "}]\nphases: [{name: hold, for: 10s}]\n"
}

// ofContract is the same with two operations of a server's own.
func ofContract(stream, more string) string {
	return replaying(stream, more) + "contract: {join: {emit: [enter, $room]}, operations: {say: {emit: [chat, $payload], to: all}, tell: {emit: [tell, $payload], to: all}}}\n"
}

const inRooms = "    rooms: {of: 3}\n"

func TestLogsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct{ scenario, log, want string }{
		"no file":        {replaying("op: echo, replay: t.csv", ""), "-", "s.yaml:6:31: the log t.csv cannot be replayed: there is no such file beside the scenario or in the working directory; put it there, or name it by its whole path"},
		"a folder":       {replaying("op: echo, replay: .", ""), "-", "s.yaml:6:31: the log . cannot be replayed: it is a directory, and must be a regular file; name a file that can be read"},
		"empty":          {replaying("op: echo, replay: t.csv", ""), "", "t.csv:1:1: the file is empty; write the names of the columns into its first line: time,user,room,event,size"},
		"no rows":        {replaying("op: echo, replay: t.csv", ""), "time,user\n", "t.csv:2:1: the log has no rows; write one row for each message"},
		"no time":        {replaying("op: echo, replay: t.csv", ""), "user,size\na,5\n", "t.csv:1:1: there is no column `time`; write the names of the columns into the first line: time,user,room,event,size"},
		"a wrong time":   {replaying("op: echo, replay: t.csv", ""), "time,user\n0,a\nx,a\n", "t.csv:3:1: \"x\" is not a time; write RFC 3339, such as 2026-03-01T12:00:00.250Z, or seconds, such as 12.5"},
		"back in time":   {replaying("op: echo, replay: t.csv", ""), "time,user\n0,a\n5,a\n4,a\n", "t.csv:4:1: the time 4 is 1s before the time of the row above it; sort the rows by time"},
		"two kinds":      {replaying("op: echo, replay: t.csv", ""), "time,user\n0,a\n2026-03-01T12:00:00Z,a\n", "t.csv:3:1: the time 2026-03-01T12:00:00Z is of another kind than the times above it; write all times as RFC 3339, or all as seconds"},
		"a wrong size":   {replaying("op: echo, replay: t.csv", ""), "time,user,size\n0,a,5\n1,a,5B\n", "t.csv:3:5: \"5B\" is not a number of bytes; write a whole number such as 120"},
		"no user":        {replaying("op: echo, replay: t.csv", ""), "time,user\n0,a\n1,\n", "t.csv:3:3: the row has no user; name one, or remove the column from all rows"},
		"a short row":    {replaying("op: echo, replay: t.csv", ""), "time,user\n0\n", "t.csv:2:1: the row has 1 values and the first line 2 columns; correct the row, or put values with commas in quotes"},
		"no users":       {replaying("op: echo, replay: t.csv", ""), "time\n0\n", "s.yaml:6:31: t.csv has no column `user`; add it, or write clients: in turn"},
		"too many users": {replaying("op: echo, replay: t.csv", ""), "time,user\n0,a\n1,b\n2,c\n", "s.yaml:6:31: t.csv has 3 users and the group a 2 clients; write count: 3, or clients: in turn"},
		"two rooms": {
			replaying("op: room, replay: t.csv", inRooms),
			"time,user,room\n0,a,r\n", "s.yaml:7:31: t.csv names the rooms of its messages, and the group a has rooms of its own; remove rooms: from the group, or the column room from the log",
		},
		"no room at all": {replaying("op: room, replay: t.csv, clients: in turn", ""), "time\n0\n", "s.yaml:6:31: t.csv does not say which room its messages are for; add the columns user and room to it, or rooms: {of: 10, join: 1} to the group a"},
		"a row without a room": {
			replaying("op: room, replay: t.csv", ""),
			"time,user,room\n0,a,r\n1,b,\n", "t.csv:3:5: the message has no room, and its operation is for a room; name the room",
		},
		"another event": {
			replaying("op: emit, event: say, expect: none, replay: t.csv", ""),
			"time,user,event\n0,a,b\n1,a,c\n1,a,d\n1,a,e\n1,a,f\n1,a,g\n1,a,h\n", "s.yaml:6:57: no row of t.csv is of op: emit; its events are b, c, d, e, f and 2 more: write event: and one of them",
		},
		"too large for the server": {replaying("op: echo, replay: t.csv", ""), "time,user,size\n0,a,5\n1,a,2000000\n", "t.csv:3:5: the built-in server takes messages up to 998976B, this has 2MB; write a smaller size, or server: {max_payload: ...}"},
		"too large for any": {
			replaying("op: echo, replay: t.csv", "") + "target: {url: \"http://h:1\"}\n",
			"time,user,size\n0,a,67108865\n", "t.csv:2:5: a message of 67108865B is too large; write at most 64MiB",
		},
		"no operation has it": {ofContract("replay: t.csv", ""), "time,user,event\n0,a,chat\n1,a,chta\n", "t.csv:3:5: no operation has the event \"chta\"; did you mean `chat`?"},
		"no events":           {ofContract("replay: t.csv", ""), "time,user\n0,a\n", "s.yaml:6:21: t.csv has no column `event`; add it, or name the operation of its messages: op: room"},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := logged(t, c.scenario, c.log)
			logs, err := f.Logs()
			if err == nil || logs != nil {
				t.Fatalf("the log fits: %v", logs)
			}
			mistakes(t, err)
			if got := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// A log that fits tells the spec the mean rate and the rooms of its messages.
func TestLogsTellRatesAndRooms(t *testing.T) {
	f, _ := logged(t, replaying("op: room, replay: t.csv, speed: 2x", ""), "time,user,room,size\n0,a,r,5\n1,b,s,9\n2,a,s,7\n10,a,r,1\n")
	logs, err := f.Logs()
	if err != nil {
		t.Fatal(err)
	}
	g := f.Spec.Groups[0]
	if st := g.Send[0]; st.Rate != 4.0/10*2/2 || !st.Logged { // four in ten seconds, twice as fast, by two clients
		t.Errorf("%+v", st)
	}
	want := &Rooms{Of: 2, Join: 2, Names: []string{"r", "s"}, Prefix: "\x00t.csv", Members: [][]int32{{0, 1}, {1}}}
	if diff := cmp.Diff(want, g.Rooms); diff != "" {
		t.Errorf("rooms (-want +got):\n%s", diff)
	}
	if name := g.Rooms.Name(1); name != "s" {
		t.Errorf("the second room is %q", name)
	}
	if l := logs["t.csv"]; l == nil || l.Rows != 4 || filepath.Base(l.File) != "t.csv" {
		t.Errorf("%+v", logs)
	}
	if notes := f.Spec.Beyond(logs); notes != nil {
		t.Errorf("the log ends in the phases: %v", notes)
	}
}

// Fewer clients than users, as in a quick run, are several users each, with the rooms of all of them
// once.
func TestUsersShareClientsInAQuickRun(t *testing.T) {
	f, _ := logged(t, strings.Replace(replaying("op: room, replay: t.csv", ""), "count: 2", "count: 4", 1), "time,user,room\n0,a,r\n1,b,s\n2,c,r\n3,d,t\n4,c,t\n")
	f.Quicken(0.5)
	f.Spec.Groups[0].Count = 2
	if _, err := f.Logs(); err != nil {
		t.Fatal(err)
	}
	r := f.Spec.Groups[0].Rooms
	if diff := cmp.Diff([][]int32{{0, 2}, {1, 2}}, r.Members); diff != "" || r.Join != 2 {
		t.Errorf("%d rooms a client (-want +got):\n%s", r.Join, diff)
	}
}

func TestPhasesThatEndBeforeTheLog(t *testing.T) {
	const log = "time,user\n0,a\n30,a\n"
	for _, c := range []struct{ stream, phases, want string }{
		{"op: echo, replay: t.csv", "{name: hold, for: 10s}", "they play 10s of its 30s"},
		{"op: echo, replay: t.csv, speed: 2x", "{name: hold, for: 10s}", "they play 20s of its 30s"},
		{"op: echo, replay: t.csv, speed: 4x", "{name: hold, for: 10s}", ""},
		{"op: echo, replay: t.csv", "{name: up, for: 10s, load: 0%..100%}, {name: hold, for: 10s}", "they play 15s of its 30s"},
		{"op: echo, replay: t.csv, scale: false", "{name: up, for: 20s, load: 0%..100%}, {name: hold, for: 10s}", "they play 30s of its 30s"},
		{"op: echo, replay: t.csv, scale: false", "{name: up, for: 21s, load: 0%..100%}, {name: hold, for: 10s}", ""},
	} {
		f, _ := logged(t, strings.Replace(replaying(c.stream, ""), "{name: hold, for: 10s}", c.phases, 1), log)
		logs, err := f.Logs()
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(f.Spec.Beyond(logs), "\n")
		if c.want != "" {
			c.want = fmt.Sprintf("the phases end before the log t.csv: %s; its last messages are left out", c.want)
		}
		if notes != c.want {
			t.Errorf("%s, phases %s: %q, want %q", c.stream, c.phases, notes, c.want)
		}
	}
}

// Rows that the runner itself does, such as joining, need no operation.
func TestLogsWithPresence(t *testing.T) {
	for _, quiet := range []string{"enter", "join", "leave", "connect", "disconnect"} {
		f, _ := logged(t, ofContract("replay: t.csv", ""), "time,user,event\n0,a,"+quiet+"\n1,a,chat\n2,a,tell\n3,a,say\n")
		logs, err := f.Logs()
		if err != nil {
			t.Errorf("%s: %v", quiet, err)
			continue
		}
		played := map[string]float64{}
		for _, st := range f.Spec.Groups[0].Send {
			played[st.Op] = st.Rate
		}
		if want := map[string]float64{"say": 2.0 / 3 / 2, "tell": 1.0 / 3 / 2}; !cmp.Equal(want, played) || logs["t.csv"].Rows != 4 {
			t.Errorf("%s: %v, want %v", quiet, played, want)
		}
	}
}
