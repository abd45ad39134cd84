package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/metric"
)

// maxUnstamped bounds how many event names are counted separately; the others share one count.
const maxUnstamped = 32

// unstamped counts the events without a stamp, by name. A server may send such events for its own
// reasons; when no message of a stream arrived, their names show the cause. Safe for concurrent
// use.
type unstamped struct {
	mu    sync.RWMutex
	names map[string]*atomic.Int64
}

// note counts an event. It allocates for the first of a name only.
func (u *unstamped) note(name []byte) {
	u.mu.RLock()
	n := u.names[string(name)]
	u.mu.RUnlock()
	if n == nil {
		n = u.counter(string(name))
	}
	n.Add(1)
}

func (u *unstamped) counter(name string) *atomic.Int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.names == nil {
		u.names = map[string]*atomic.Int64{}
	}
	if len(u.names) >= maxUnstamped && u.names[name] == nil {
		name = ""
	}
	n := u.names[name]
	if n == nil {
		n = new(atomic.Int64)
		u.names[name] = n
	}
	return n
}

// counts returns what there is.
func (u *unstamped) counts() map[string]int64 {
	u.mu.RLock()
	defer u.mu.RUnlock()
	out := map[string]int64{}
	for name, n := range u.names {
		out[name] = n.Load()
	}
	return out
}

// mismatch says how the scenario and its target misunderstand each other; "" when they do not. It
// is so when nothing of a stream came to anybody, but events came instead in which no stamp was
// found, at least one for every second delivery that was owed: then the contract is wrong, or there
// has to be one, and nothing can be said of the server.
func (t *trial) mismatch(rows [][]ledger.Row) string {
	heard := t.unstamped.counts()
	for i, s := range t.streams {
		if i >= len(rows) || !nothingCame(rows[i]) {
			continue
		}
		owed := owedBy(rows[i])
		event, paths := s.spec.Event, ""
		if op := s.spec.Operation; op != nil {
			event = op.Deliver
			if p := op.Place(); p != nil {
				paths = " at " + p.Text
			}
		}
		if event == "" || heard[event] == 0 {
			name, n := most(t.instead(heard, s.spec.Operation))
			if n == 0 || 2*n < owed {
				continue
			}
			if event == "" {
				return noStamp(name, n, paths, s.spec.Operation)
			}
			return otherEvent(event, name, n, s.spec.Operation)
		}
		if n := heard[event]; 2*n >= owed {
			return noStamp(event, n, paths, s.spec.Operation)
		}
	}
	return ""
}

// instead are the events that may have come in the place of an operation's: those that another
// operation delivers have come for that one.
func (t *trial) instead(heard map[string]int64, op *file.Operation) map[string]int64 {
	if t.contract == nil || op == nil {
		return heard
	}
	heard = maps.Clone(heard)
	for i := range t.contract.spec.Operations {
		if o := &t.contract.spec.Operations[i]; o.Name != op.Name && o.Deliver != "" {
			delete(heard, o.Deliver)
		}
	}
	return heard
}

func noStamp(event string, n int64, paths string, op *file.Operation) string {
	what := fmt.Sprintf("%s `%s` events arrived without a stamp%s: ", metric.FormatCount(n), event, paths)
	switch {
	case op == nil:
		return what + "the server changes the messages that it passes on; describe its events with contract:"
	case op.Correlate != nil:
		return what + "correlate: of `" + op.Name + "` in the contract must name the place of ${stamp} in the delivered arguments"
	case op.Stamp != nil:
		return what + "stamp: of `" + op.Name + "` in the contract must name the place of ${payload} in the delivered arguments"
	}
	return what + "the server leaves out or changes the payload of `" + op.Name + "`: check that emit: has it under the name that the server reads, or put ${stamp} where an id goes that it passes on, and name its place with correlate:"
}

func otherEvent(event, instead string, n int64, op *file.Operation) string {
	what := fmt.Sprintf("no `%s` event arrived, but %s `%s` events did: ", event, metric.FormatCount(n), instead)
	if op == nil {
		return what + "the server uses other events than the scenario expects; describe them with contract:"
	}
	return what + "deliver: of `" + op.Name + "` in the contract must name the event that the server passes messages on with"
}

// most is the event that came most often.
func most(heard map[string]int64) (name string, n int64) {
	names := slices.SortedFunc(maps.Keys(heard), func(a, b string) int {
		return cmp.Or(cmp.Compare(heard[b], heard[a]), strings.Compare(a, b))
	})
	if len(names) == 0 {
		return "", 0
	}
	return names[0], heard[names[0]]
}

// nothingCame reports whether deliveries of a stream were lost and none came. What was on its way
// when a run ended says nothing.
func nothingCame(rows []ledger.Row) bool {
	return !somethingCame(rows) && slices.ContainsFunc(rows, func(r ledger.Row) bool { return r.Lost > 0 })
}

func somethingCame(rows []ledger.Row) bool {
	return slices.ContainsFunc(rows, func(r ledger.Row) bool { return r.Received+r.Late > 0 })
}

func owedBy(rows []ledger.Row) (n int64) {
	for i := range rows {
		if rows[i].Class != ledger.Everybody {
			n += rows[i].Expected
		}
	}
	return n
}

// emptyRooms says that rooms may be empty, where nothing came that was sent to one: because the
// server does not acknowledge joins, and may not know them, or although it does. Nor may it know
// the messages, where none of them was acknowledged either.
func (t *trial) emptyRooms(rows [][]ledger.Row, acknowledged, unanswered bool) string {
	if asked, does := t.joinAsked(); !asked || does != acknowledged {
		return ""
	}
	for i, s := range t.streams {
		if s.spec.To.Kind == file.ToRoom && i < len(rows) && somethingCame(rows[i]) {
			return ""
		}
	}
	for i, s := range t.streams {
		switch {
		case s.spec.To.Kind != file.ToRoom || i >= len(rows) || !nothingCame(rows[i]):
		case acknowledged:
			return fmt.Sprintf("no message to a room reached any client, although the server acknowledged the joins: check that its handler of `%s` puts the client into the room, and that %s sends to that same room", t.joinEvent(), s.operation())
		default:
			says := fmt.Sprintf("no message to a room reached any client: if the server has no event `%s`, its rooms are empty; join: in the contract must name the server's event for joining a room", t.joinEvent())
			if op := s.spec.Operation; op != nil && op.Event != "" && (s.spec.Ack == 0 || unanswered) {
				says += fmt.Sprintf("; or the server has no event %s, which emit: of `%s` names", quoted(op.Event), op.Name)
			}
			return says
		}
	}
	return ""
}

// maxEmitted bounds how many events a warning names.
const maxEmitted = 5

// emitted says which events the operations of the contract name that something should have come
// of; "" where none does.
func (t *trial) emitted() string {
	var names []string
	for _, s := range t.streams {
		op := s.spec.Operation
		if op == nil || op.Event == "" || s.spec.To.Kind == file.ToNone && s.spec.Ack == 0 {
			continue
		}
		if name := quoted(op.Event) + " for `" + op.Name + "`"; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if more := len(names) - maxEmitted; more > 0 {
		names = append(names[:maxEmitted], fmt.Sprintf("%d more", more))
	}
	if len(names) == 0 {
		return ""
	}
	return "; they name " + strings.Join(names, ", ")
}

// quoted is an event's name in a message.
func quoted(event string) string { return "`" + event + "`" }

// noJoins says that the joins of a contract do not fit the server, where it has acknowledged none,
// and the trial ended before the first of them was late.
func (t *trial) noJoins(held int) string {
	if asked, acknowledged := t.joinAsked(); held > 0 || !asked || !acknowledged || t.contract == nil {
		return ""
	}
	for _, sum := range t.errors.Classes() {
		if sum.Class == metric.Error(metric.ErrWaiting, metric.HowJoin) {
			return fmt.Sprintf("no client was in its rooms when the run ended, and %s waited for the server to acknowledge `%s`: if the server has no such event, or does not acknowledge it, correct join: in the contract", metric.FormatCount(sum.N), t.joinEvent())
		}
	}
	return ""
}

// joinEvent is the event by which clients ask for rooms.
func (t *trial) joinEvent() string {
	if t.contract == nil || t.groups[0].frames != nil {
		return "join"
	}
	// The template is a list of JSON with holes; the event is a text at its head.
	head := strings.TrimLeft(t.contract.spec.Join.Emit.Parts[0], " [")
	name, _ := socketio.NextArg([]byte(head))
	return strings.Trim(string(name), `"`)
}
