package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/internal/recorded"
	"github.com/throng-io/throng/scenario/regular"
)

// Replay is a recorded log whose messages a stream sends at their recorded times. Streams of one
// group with equal values play parts of one log.
type Replay struct {
	Path  string  // as the file names it: beside the scenario, or else in the working directory
	Speed float64 // 2: twice as fast as recorded; default 1
	// each client plays one user of the log; else connected clients take turns. Default true
	ByUser bool
	Whole  bool // each message of the log must belong to an operation

	Group     string
	Set       string // the override that it stands in, "" for the file
	Line, Col int
}

// The ways in which the messages of a log fall to clients.
const (
	byUser = "by user"
	inTurn = "in turn"
)

// arrivalRecorded is the arrival of a replayed stream.
const arrivalRecorded = "recorded"

// maxLogBytes is the largest log; it is read row by row.
const maxLogBytes = 1 << 40

// withReplays puts one stream for each operation in the place of a replay that names none.
func withReplays(root *node) *node {
	groups := root.get("groups")
	for _, e := range groups.entries() {
		send := e.val.get("send")
		if send == nil || send.kind != list || !slices.ContainsFunc(send.items, isWholeReplay) {
			continue
		}
		c := *send
		c.items = nil
		for _, item := range send.items {
			if !isWholeReplay(item) {
				c.items = append(c.items, item)
				continue
			}
			for _, op := range operationsOf(root.get("contract")) {
				c.items = append(c.items, item.with("op", &node{at: item.at, text: op, quoted: true, made: true}))
			}
		}
		groups = groups.with(e.key, e.val.with("send", &c))
	}
	if groups == nil {
		return root
	}
	return root.with("groups", groups)
}

func isWholeReplay(item *node) bool {
	return item.kind == dict && item.get("replay") != nil && item.get("op") == nil
}

// operationsOf lists the operations of a contract, or of the built-in server.
func operationsOf(contract *node) (ops []string) {
	if contract == nil {
		return operations[:3]
	}
	for _, e := range contract.get("operations").entries() {
		ops = append(ops, e.key)
	}
	if len(ops) == 0 {
		return []string{OpEmit}
	}
	return ops
}

// setReplay reads the name of the log of a stream.
func setReplay(d *decoder, n *node, s *Stream) {
	path := d.string(n, "replay", notEmpty("replay", "name a recorded log, such as trace.csv"))
	if strings.ContainsRune(path, 0) {
		path = ""
	}
	s.Replay = &Replay{Path: path, Speed: 1, ByUser: true, Group: d.group, Set: n.at.set, Line: n.at.line, Col: n.at.col}
}

func setSpeed(d *decoder, n *node, s *Stream) {
	v := read(d, n, "speed", func(text string) (float64, *flaw) {
		const hint = "write 2x for twice as fast as recorded, or 0.5x"
		number, is := strings.CutSuffix(strings.TrimSpace(text), "x")
		if !is {
			return 0, wrong(text, "speed", hint)
		}
		return plainNumber("2x")(strings.TrimSpace(number))
	}, func(v float64) *flaw {
		if v < 0.001 || v > 1000 {
			return &flaw{fmt.Sprintf("a speed of %sx is out of range", trimmed(v)), "write 0.001x to 1000x"}
		}
		return nil
	})
	if s.Replay != nil {
		s.Replay.Speed = v
	}
}

// finishReplay checks the keys of a stream that belong to replays, and those that replays lack. It
// runs before the defaults of the operation are filled in.
func finishReplay(d *decoder, n *node, s *Stream) {
	if s.Replay == nil {
		for _, key := range []string{"speed", "clients"} {
			if v := n.get(key); v != nil && n.get("replay") == nil {
				d.errs.add(v.at, fmt.Sprintf("`%s` belongs to a replay", key), "write replay: and the name of a recorded log, or remove it")
			}
		}
		return
	}
	for _, key := range []string{"rate", "per", "arrival"} {
		if v := n.get(key); v != nil {
			d.errs.add(v.at, fmt.Sprintf("a replay takes its times and senders from the log, and `%s` has no effect", key), "remove it; speed: 2x plays faster, clients: in turn lets any client send")
		}
	}
	if speed := n.get("speed"); speed != nil && !speed.null {
		setSpeed(d, speed, s) // the keys come in any order
	}
	if v := n.get("clients"); v != nil && v.kind == scalar && !v.null {
		s.Replay.ByUser = v.text != inTurn
	}
	op := n.get("op")
	s.Replay.Whole = op != nil && op.made
	s.Arrival, s.Per = arrivalRecorded, "client"
	if !s.Replay.ByUser {
		s.Per = "group"
	}
}

// checkReplays notes which events of a log each stream plays, and refuses combinations that no log
// can fit.
func (d *decoder) checkReplays(s *Spec) {
	for i := range s.Groups {
		g := &s.Groups[i]
		var first *Replay
		for j := range g.Send {
			st := &g.Send[j]
			r := st.Replay
			if r == nil {
				continue
			}
			st.Rows = st.names()
			where := d.places["group "+g.Name].get("send").items[j].get("replay").at
			switch {
			case !r.ByUser:
			case g.Arrive > 0:
				d.errs.add(where, fmt.Sprintf("the clients of the group %s come and go, and none of them stays the user of a log", g.Name), "write count: instead of arrive:, or clients: in turn")
			case first != nil && first.Path != r.Path:
				d.errs.add(where, fmt.Sprintf("the clients of the group %s are the users of %s already", g.Name, clip(first.Path)), "replay this log by another group, or write clients: in turn")
			default:
				first = r
			}
		}
	}
}

// names are the events of a log that are messages of a stream: its operation's name, and the event
// that it sends.
func (s *Stream) names() []string {
	switch {
	case s.Op == OpEmit:
		return []string{s.Event}
	case s.Operation == nil && s.Replay.Whole: // several operations have that event
		return []string{s.Op}
	case s.Event == s.Op:
		return []string{s.Op}
	}
	return []string{s.Op, s.Event}
}

// Event returns the name of the event that the call emits; "" where a template makes it.
func (c *Call) Event() string {
	if c == nil || len(c.Emit.Parts) == 0 {
		return ""
	}
	return eventOf(c.Emit.Parts[0])
}

// A Log is a recorded log that a scenario replays.
type Log struct {
	*recorded.Summary
	File string // where it was found
}

// Logs reads the recorded logs of every cell and checks that they fit: their users, rooms, events
// and sizes. It notes the mean rate and size of each replayed stream in the specs, and gives groups
// the rooms of their log, so it must be called before they are used. The logs are by the replay's
// Path. Errors are *Error, one for each mistake, joined.
func (f *File) Logs() (map[string]*Log, error) {
	errs := &errorList{file: f.Name}
	logs := map[string]*Log{}
	seen := map[*Spec]bool{}
	for _, c := range f.cells {
		if seen[c.Spec] {
			continue
		}
		seen[c.Spec] = true
		for i := range c.Spec.Groups {
			g := &c.Spec.Groups[i]
			for _, r := range g.replays() {
				l, known := logs[r.Path]
				if !known {
					l = f.log(errs, r)
					logs[r.Path] = l
				}
				if l != nil {
					c.Spec.fit(errs, g, r, l)
				}
			}
		}
	}
	if err := errs.join(1); err != nil {
		return nil, err
	}
	return logs, nil
}

// replays are the logs that the group plays.
func (g *Group) replays() (list []Replay) {
	for _, st := range g.Send {
		if st.Replay != nil && !slices.Contains(list, *st.Replay) {
			list = append(list, *st.Replay)
		}
	}
	return list
}

func (r *Replay) place() place { return place{set: r.Set, line: r.Line, col: r.Col} }

// log reads a log; nil after a mistake.
func (f *File) log(errs *errorList, r Replay) *Log {
	l := &Log{File: f.find(r.Path)}
	in, err := regular.Open(l.File, maxLogBytes)
	if err == nil {
		defer in.Close()
		l.Summary, err = recorded.Summarize(in)
	}
	why, odd := errors.AsType[*regular.Error](err)
	row, bad := errors.AsType[*recorded.Error](err)
	switch {
	case bad:
		errs.add(place{file: l.File, line: row.Line, col: row.Col}, row.Msg, row.Hint)
	case errors.Is(err, fs.ErrNotExist):
		errs.add(r.place(), fmt.Sprintf("the log %s cannot be replayed: %v", clip(r.Path), errNoFile), fileHint(errNoFile))
	case odd:
		errs.add(r.place(), fmt.Sprintf("the log %s cannot be replayed: it %s", clip(r.Path), why.Why), fileHint(why))
	case err != nil:
		errs.add(r.place(), fmt.Sprintf("the log %s cannot be replayed: %v", clip(r.Path), err), fileHint(err))
	default:
		return l
	}
	return nil
}

// fit checks a log against the group that replays it.
func (s *Spec) fit(errs *errorList, g *Group, r Replay, l *Log) {
	inLog := func(row *recorded.Row, column, msg, hint string) {
		e := row.Wrong(column, msg, hint)
		errs.add(place{file: l.File, line: e.Line, col: e.Col}, e.Msg, e.Hint)
	}
	switch users := len(l.Users); {
	case r.ByUser && !l.HasUsers:
		errs.add(r.place(), clip(r.Path)+" has no column `user`", "add it, or write clients: in turn")
		return
	case r.ByUser && users > g.Count && s.Quick == 0:
		errs.add(r.place(), fmt.Sprintf("%s has %d users and the group %s %d clients", clip(r.Path), users, g.Name, g.Count), fmt.Sprintf("write count: %d, or clients: in turn", users))
		return
	}
	named := r.ByUser && l.HasRooms && len(l.Rooms) > 0
	if named && g.Rooms != nil && g.Rooms.Names == nil {
		errs.add(r.place(), fmt.Sprintf("%s names the rooms of its messages, and the group %s has rooms of its own", clip(r.Path), g.Name), "remove rooms: from the group, or the column room from the log")
		return
	}
	if named {
		g.Rooms = l.rooms(g.Count, r.Path)
	}
	played := map[string]bool{}
	for i := range g.Send {
		st := &g.Send[i]
		if st.Replay == nil || *st.Replay != r {
			continue
		}
		c, n := l.counts(st, played)
		switch big := largest(c); {
		case n == 0 && !r.Whole:
			errs.add(r.place(), fmt.Sprintf("no row of %s is of op: %s", clip(r.Path), st.Op), fmt.Sprintf("its events are %s: write event: and one of them", l.events()))
		case n == 0:
		case st.NeedsRoom() && g.Rooms == nil:
			errs.add(r.place(), fmt.Sprintf("%s does not say which room its messages are for", clip(r.Path)), "add the columns user and room to it, or rooms: {of: 10, join: 1} to the group "+g.Name)
		case st.NeedsRoom() && named && withoutRoom(c) != nil:
			inLog(&withoutRoom(c).FirstNoRoom, recorded.Room, "the message has no room, and its operation is for a room", "name the room")
		case s.Server != nil && big.Largest > s.Server.largest():
			inLog(&big.Big, l.sizeColumn(), fmt.Sprintf("the built-in server takes messages up to %s, this has %s", FormatSize(float64(s.Server.largest())), FormatSize(float64(big.Largest))), "write a smaller size, or server: {max_payload: ...}")
		case big.Largest > maxSize:
			inLog(&big.Big, l.sizeColumn(), fmt.Sprintf("a message of %s is too large", FormatSize(float64(big.Largest))), "write at most "+FormatSize(maxSize))
		}
		st.Rate = float64(n) * r.Speed / max(l.Length.Seconds(), 1)
		if r.ByUser {
			st.Rate /= float64(max(g.Count, 1))
		}
		st.Logged = l.Sized
	}
	if r.Whole {
		s.unplayed(errs, g, r, l, played, inLog)
	}
}

// unplayed reports the events of a log that no operation of the contract has.
func (s *Spec) unplayed(errs *errorList, g *Group, r Replay, l *Log, played map[string]bool, inLog func(row *recorded.Row, column, msg, hint string)) {
	for i := range l.Events {
		c := &l.Events[i]
		switch {
		case played[c.Event] || s.quiet(c.Event):
		case !l.HasEvents:
			errs.add(r.place(), clip(r.Path)+" has no column `event`", "add it, or name the operation of its messages: op: room")
			return
		default:
			inLog(&c.First, recorded.Event, fmt.Sprintf("no operation has the event %q", clip(c.Event)), orOneOf(c.Event, s.played(g, r)))
		}
	}
}

// played lists the events that a replay knows.
func (s *Spec) played(g *Group, r Replay) (names []string) {
	for _, st := range g.Send {
		if st.Replay != nil && *st.Replay == r {
			names = append(names, st.Rows...)
		}
	}
	return names
}

// quiet reports whether rows of an event say that a user is there, or in a room, without a message
// of a stream: the runner itself connects and joins.
func (s *Spec) quiet(event string) bool {
	if slices.Contains(recorded.Presence, event) || event == StepJoin || event == StepLeave {
		return true
	}
	c := s.Contract
	return event != "" && c != nil && (event == c.Join.Event() || event == c.Leave.Event())
}

// Plays reports whether a message of a log with that event belongs to the stream. events says that
// the log has a column of events.
func (st *Stream) Plays(event string, events bool) bool {
	return !events && !st.Replay.Whole || slices.Contains(st.Rows, event)
}

// counts returns the events of the log that a stream plays, and how many messages they have.
// played takes their names.
func (l *Log) counts(st *Stream, played map[string]bool) (list []*recorded.Count, n int) {
	for i := range l.Events {
		if c := &l.Events[i]; st.Plays(c.Event, l.HasEvents) {
			list, n, played[c.Event] = append(list, c), n+c.N, true
		}
	}
	return list, n
}

func largest(list []*recorded.Count) *recorded.Count {
	big := &recorded.Count{}
	for _, c := range list {
		if c.Largest > big.Largest {
			big = c
		}
	}
	return big
}

// withoutRoom is an event with a message that has no room; nil when all have one.
func withoutRoom(list []*recorded.Count) *recorded.Count {
	for _, c := range list {
		if c.NoRoom > 0 {
			return c
		}
	}
	return nil
}

// sizeColumn is the column from which the sizes come.
func (l *Log) sizeColumn() string {
	if l.Bodies {
		return recorded.Body
	}
	return recorded.Size
}

// events lists the log's events for a message.
func (l *Log) events() string {
	var names []string
	for i, c := range l.Events {
		if i == 5 {
			names = append(names, fmt.Sprintf("%d more", len(l.Events)-i))
			break
		}
		names = append(names, clip(c.Event))
	}
	return enumerate(names)
}

// rooms are the rooms of a log for a group of so many clients. Users beyond them fall to the same
// clients again.
func (l *Log) rooms(clients int, path string) *Rooms {
	r := &Rooms{Of: len(l.Rooms), Names: l.Rooms, Prefix: "\x00" + path, Members: l.Members}
	if clients > 0 && clients < len(l.Members) {
		r.Members = make([][]int32, clients)
		for user, rooms := range l.Members {
			at := user % clients
			r.Members[at] = slices.Compact(slices.Sorted(slices.Values(append(r.Members[at], rooms...))))
		}
	}
	all := 0
	for _, rooms := range r.Members {
		all += len(rooms)
	}
	r.Join = max(1, (all+len(r.Members)/2)/max(len(r.Members), 1))
	return r
}

// Name is the name of a room.
func (r *Rooms) Name(room int) string {
	if r.Names != nil {
		return r.Names[room]
	}
	return fmt.Sprintf("%s%d", r.Prefix, room)
}

// Beyond says of each log that the phases end before it does; logs are of File.Logs.
func (s *Spec) Beyond(logs map[string]*Log) (notes []string) {
	for i := range s.Groups {
		for _, r := range s.Groups[i].replays() {
			l, seconds := logs[r.Path], 0.0
			if l == nil {
				continue
			}
			for _, p := range s.Phases {
				share := (p.Load.From + p.Load.To) / 2
				if !s.Groups[i].scales(r) {
					share = 1
				}
				seconds += p.For.Seconds() * share
			}
			if last := l.Length.Seconds() / r.Speed; last >= seconds {
				notes = append(notes, fmt.Sprintf("the phases end before the log %s: they play %s of its %s; its last messages are left out",
					r.Path, formatDuration(time.Duration(seconds*r.Speed*1e9).Round(time.Millisecond)), formatDuration(l.Length.Round(time.Millisecond))))
			}
		}
	}
	return notes
}

// scales reports whether the load of the phases scales the speed of a replay.
func (g *Group) scales(r Replay) bool {
	return slices.ContainsFunc(g.Send, func(st Stream) bool { return st.Replay != nil && *st.Replay == r && st.Scale })
}

// eventOf is the name with which a list of an event and its arguments begins; "" where a template
// makes it.
func eventOf(emit string) (name string) {
	text, is := strings.CutPrefix(emit, "[")
	if !is || json.NewDecoder(strings.NewReader(text)).Decode(&name) != nil {
		return ""
	}
	return name
}
