package scenario

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// A pattern is a template made ready: bytes with patches between them, so that
// filling one in is a walk over both and nothing more.
type pattern struct {
	parts   [][]byte // one more than the patches
	patches []patch
}

type patch struct {
	kind   patchKind
	form   file.Form
	feeder int        // of the trial's
	column int        // of the feeder's table; for a captured value its place among the flow's
	draw   *drawPlace // made anew at each use; nil: nothing is
	peer   *pattern   // filled with what is known of the peer
}

type patchKind uint8

const (
	patchClient patchKind = iota
	patchGroup
	patchRoom
	patchEvent
	patchSeq
	patchPayload
	patchStamp // the bare stamp: for data of the user's own, and as an id
	patchData
	patchCaptured
	patchDraw
	patchPeer
	patchSID
	patchCall
)

// holeStamp is the hole that the runner itself puts into data.
const holeStamp = "$b"

var patchKinds = map[string]patchKind{
	file.HoleClient: patchClient, file.HoleGroup: patchGroup, file.HoleRoom: patchRoom, file.HoleEvent: patchEvent,
	file.HoleSeq: patchSeq, file.HolePayload: patchPayload, holeStamp: patchStamp, file.HoleStamp: patchStamp, holeSID: patchSID, file.HoleCall: patchCall,
}

// A filling has the values for the patches.
type filling struct {
	group  *group
	client int // the user's number
	room   string
	event  string
	seq    uint32
	call   uint64       // the id that an answer repeats
	stamp  *stamp.Stamp // nil: the payload is filler only
	stream int          // the stream of the message, and the number of the message in it
	// for what is drawn also of a step of the client's flow, or of its reaction
	message uint64
	round   int               // of the repeat that the step is in
	heard   jsonpath.Document // the arguments of the event that is reacted to
	size    int               // of the payload
	// the payload is a text, of an operation of the contract, instead of an object
	text bool
	// the stamp stands in a place of its own, so that the payload is filler only
	apart    bool
	body     string // of the payload, instead of filler; "": none
	binary   bool   // the payload is an attachment
	captured []json.RawMessage
	peer     *filling // what is known of the client that the message is for
	sid      string   // of that client
}

// compile makes a template ready. captured are the names that steps of the group give values to.
func (t *trial) compile(tm file.Template, captured []string) *pattern {
	p := &pattern{}
	for i, part := range tm.Parts {
		if i > 0 {
			if d, secret := t.spec.Secrets.Lookup(tm.Holes[i-1].Name); secret {
				last := &p.parts[len(p.parts)-1]
				*last = append(d.Append(*last, tm.Holes[i-1].Form), part...)
				continue
			}
		}
		p.parts = append(p.parts, []byte(part))
	}
	for _, h := range tm.Holes {
		if _, secret := t.spec.Secrets.Lookup(h.Name); !secret { // else it is filled in above
			p.patches = append(p.patches, t.patch(h, captured))
		}
	}
	return p
}

// patch makes a hole ready.
func (t *trial) patch(h file.Hole, captured []string) patch {
	x := patch{form: h.Form}
	if kind, known := patchKinds[h.Name]; known {
		x.kind = kind
		return x
	}
	if name, is := file.PeerName(h.Name); is {
		x.kind, x.peer = patchPeer, t.compile(t.peerTemplate(name, h.Form), nil)
		return x
	}
	if i := slices.Index(captured, h.Name); i >= 0 {
		x.kind, x.column = patchCaptured, i
		return x
	}
	if x.draw = t.draw(h.Name); x.draw != nil {
		x.kind = patchDraw
		return x
	}
	x.kind = patchData
	x.feeder, x.column = t.column(h.Name)
	return x
}

// A namedPattern is a value of a query or header.
type namedPattern struct {
	name string
	*pattern
}

func (t *trial) named(fields []file.Field, captured []string) (out []namedPattern) {
	for _, f := range fields {
		out = append(out, namedPattern{f.Name, t.compile(f.Value, captured)})
	}
	return out
}

// column finds the feeder and the column that FEEDER.COLUMN names. The file's reader has
// checked that both are there.
func (t *trial) column(name string) (feeder, column int) {
	prefix, rest, _ := strings.Cut(name, ".")
	for i, f := range t.feeds {
		if f.spec.Name != prefix {
			continue
		}
		for j, c := range f.table.Columns {
			if c == rest {
				return i, j
			}
		}
	}
	return 0, 0
}

// append fills the pattern in. It allocates nothing but what dst needs to grow.
func (p *pattern) append(dst []byte, f *filling) []byte {
	for i, part := range p.parts {
		dst = append(dst, part...)
		if i < len(p.patches) {
			dst = p.patches[i].append(dst, f)
		}
	}
	return dst
}

func (x *patch) append(dst []byte, f *filling) []byte {
	switch x.kind {
	case patchClient:
		return strconv.AppendInt(dst, int64(f.client), 10)
	case patchCall:
		return strconv.AppendUint(dst, f.call, 10)
	case patchSeq:
		return strconv.AppendUint(dst, uint64(f.seq), 10)
	case patchGroup:
		return appendText(dst, f.group.spec.Name, x.form)
	case patchRoom:
		return appendText(dst, f.room, x.form)
	case patchEvent:
		return appendText(dst, f.event, x.form)
	case patchPayload:
		return f.payload(dst, x.form)
	case patchDraw:
		return x.draw.append(dst, f, x.form)
	case patchStamp:
		return f.bareStamp(dst, x.form)
	case patchPeer:
		return x.peer.append(dst, f.peer)
	case patchSID:
		return appendText(dst, f.sid, x.form)
	case patchCaptured:
		if x.column >= len(f.captured) || f.captured[x.column] == nil {
			if x.form == file.FormValue {
				return append(dst, "null"...)
			}
			return dst
		}
		return appendCaptured(dst, f.captured[x.column], x.form)
	}
	feed := f.group.t.feeds[x.feeder]
	return feed.table.Rows[feed.rowOf(f)][x.column].Append(dst, x.form)
}

// appendText writes a name in the form that its place asks for.
func appendText(dst []byte, s string, form file.Form) []byte {
	if form != file.FormValue && form != file.FormString {
		return form.AppendURL(dst, s)
	}
	start := len(dst)
	dst = socketio.AppendString(dst, s)
	if form == file.FormString {
		copy(dst[start:], dst[start+1:])
		dst = dst[:len(dst)-2]
	}
	return dst
}

// appendCaptured writes a captured JSON value: a string without its quotes
// where it goes into a text.
func appendCaptured(dst []byte, v json.RawMessage, form file.Form) []byte {
	switch {
	case form == file.FormValue:
		return append(dst, v...)
	case len(v) >= 2 && v[0] == '"' && form == file.FormString:
		return append(dst, v[1:len(v)-1]...)
	case len(v) >= 2 && v[0] == '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return form.AppendURL(dst, s)
		}
	}
	return appendText(dst, string(v), form)
}

// bareStamp writes the stamp alone.
func (f *filling) bareStamp(dst []byte, form file.Form) []byte {
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	if f.stamp != nil {
		dst = f.stamp.Append(dst)
	}
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	return dst
}

// payload writes the message's payload: the object that the built-in server's scenarios send, or a
// text, for an operation of the contract and inside a longer text.
func (f *filling) payload(dst []byte, form file.Form) []byte {
	if f.binary {
		return append(dst, placeholder...)
	}
	if f.body != "" {
		return f.bodied(dst, form)
	}
	if !f.text && form == file.FormValue {
		dst = append(dst, '{')
		n := f.size - len(`{"p":""}`)
		if f.stamp != nil {
			dst = append(dst, stamp.Key...)
			dst = f.stamp.Append(dst)
			dst = append(dst, `",`...)
			n = f.size - file.MinSize
		}
		dst = append(dst, `"p":"`...)
		return append(appendFiller(dst, n), `"}`...)
	}
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	n := f.size
	if f.stamp != nil && !f.apart {
		dst, n = f.stamp.Append(dst), n-stamp.TextSize
	}
	dst = appendFiller(dst, n)
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	return dst
}

// bodied writes a payload with a text of the user's in the place of the filler.
func (f *filling) bodied(dst []byte, form file.Form) []byte {
	if !f.text && f.stamp != nil && form == file.FormValue {
		dst = append(append(dst, '{'), stamp.Key...)
		dst = append(f.stamp.Append(dst), `","p":"`...)
		return append(appendText(dst, f.body, file.FormString), `"}`...)
	}
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	if f.stamp != nil && !f.apart {
		dst = f.stamp.Append(dst)
	}
	dst = appendText(dst, f.body, file.FormString)
	if form == file.FormValue {
		dst = append(dst, '"')
	}
	return dst
}

// A feed is a data file in use.
type feed struct {
	spec  *file.Feeder
	table *file.Table
	index int
	users []int // of a file with a row for each message: the streams that use it
	first []int // by group, the number of clients before it that take rows
}

func newFeeds(s *file.Spec, tables map[string]*file.Table) []*feed {
	var out []*feed
	for i := range s.Data {
		f := &feed{spec: &s.Data[i], table: tables[s.Data[i].Path], index: i}
		n := 0
		for j := range s.Groups {
			f.first = append(f.first, n)
			if f.spec.UsedBy(s.Groups[j].Name) {
				n += s.People(&s.Groups[j])
			}
		}
		out = append(out, f)
	}
	return out
}

// rowOf is the row for a filling: of its client, or of its message.
func (f *feed) rowOf(x *filling) int {
	if f.spec.Each != file.EachMessage {
		return f.row(x.group, x.client)
	}
	if n := uint64(len(f.table.Rows)); f.spec.Pick == file.PickRandom {
		return int(plan.Draw(x.group.t.spec.Seed, plan.ForFeed, uint64(f.index), uint64(x.stream), x.message) % n)
	}
	// Streams that share the file take turns, so that no two messages have one row before its end.
	turn := uint64(max(0, slices.Index(f.users, x.stream)))
	return int((x.message*uint64(max(1, len(f.users))) + turn) % uint64(len(f.table.Rows)))
}

// row is the row of a client: a pure function, so that a client that comes back gets
// the same one.
func (f *feed) row(g *group, client int) int {
	n := uint64(len(f.table.Rows))
	if f.spec.Pick == file.PickRandom {
		return int(plan.Draw(g.t.spec.Seed, plan.ForFeed, uint64(f.index), uint64(g.index), uint64(client)) % n)
	}
	return int(uint64(f.first[g.index]+client) % n)
}
