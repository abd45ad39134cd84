package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// template is the list of the event and its arguments, where they are not what every
// stream sends to the built-in server: that is put together faster.
func (s *stream) template() file.Template {
	if op := s.spec.Operation; op != nil {
		return op.Emit
	}
	data, bare := s.spec.Data, s.group.bare()
	if data.IsZero() {
		if s.stamped && s.spec.Op != file.OpEmit && !bare && !s.spec.Binary && !s.bodies {
			return data
		}
		data = file.Template{Parts: []string{"", ""}, Holes: []file.Hole{{Name: file.HolePayload, Form: file.FormValue}}}
	} else if s.stamped && !data.Has(file.HolePayload) && s.spec.Op != file.OpEmit {
		data = stampedData(data)
	}
	if bare || s.group.frames != nil {
		return data
	}
	event := string(socketio.AppendString(nil, s.spec.Event))
	head := "[" + event + ","
	form := file.Template{}
	switch s.spec.Op {
	case file.OpAll:
		head = `["all",` + event + ","
	case file.OpRoom:
		form.Parts, form.Holes = []string{`["room",`}, []file.Hole{{Name: file.HoleRoom, Form: file.FormValue}}
		head = "," + event + ","
	}
	form.Parts = append(form.Parts, data.Parts...)
	form.Holes = append(form.Holes, data.Holes...)
	first, last := len(form.Parts)-len(data.Parts), len(form.Parts)-1
	form.Parts[first] = head + form.Parts[first]
	form.Parts[last] += s.flags() + "]"
	return form
}

// takesRows notes which data files give each message of the stream a row.
func (s *stream) takesRows() {
	for _, x := range s.custom.patches {
		if x.kind != patchData {
			continue
		}
		if f := s.t.feeds[x.feeder]; f.spec.Each == file.EachMessage && !slices.Contains(f.users, s.index) {
			f.users = append(f.users, s.index)
		}
	}
}

// flags are the arguments of room and all behind a message's data: whether the sender is left out,
// and whether slow receivers may miss it.
func (s *stream) flags() string {
	others := s.book.Expect == ledger.ExpectOthers
	switch {
	case s.spec.Op != file.OpRoom && s.spec.Op != file.OpAll:
	case s.spec.Volatile:
		return fmt.Sprintf(",%v,true", others)
	case others:
		return ",true"
	}
	return ""
}

// stampedData puts the stamp into an object of the user's.
func stampedData(data file.Template) file.Template {
	rest := strings.TrimPrefix(data.Parts[0], "{")
	if !strings.HasPrefix(rest, "}") {
		rest = "," + rest
	}
	parts := append([]string{`{"$b":`, rest}, data.Parts[1:]...)
	holes := append([]file.Hole{{Name: holeStamp, Form: file.FormValue}}, data.Holes...)
	return file.Template{Parts: parts, Holes: holes}
}

// leastReceived is the most bytes of a message that clients take, however small the streams'
// messages are.
const leastReceived = 16 << 20

// receives is how many bytes a message to the clients may have: twice the largest that is sent,
// since a server may escape it or put it into base64.
func (t *trial) receives() int {
	largest := 0
	for i := range t.spec.Groups {
		for j := range t.spec.Groups[i].Send {
			st := &t.spec.Groups[i].Send[j]
			largest = max(largest, st.Size)
			if !st.Sizes.IsZero() || st.Replay != nil {
				largest = t.spec.Largest()
			}
		}
	}
	return leastReceived + 2*largest
}

// compose fills a custom packet in.
func (s *stream) compose(dst []byte, a *actor, o *plan.Op, room int, seq uint32) []byte {
	f := &s.fill
	f.client, f.seq, f.stamp, f.body, f.captured = a.number, seq, nil, "", a.user.values()
	f.stream, f.message = s.index, o.N
	if s.bodies {
		f.body = o.Row.Body
	}
	if s.stamped {
		s.mark = stamp.Stamp{Run: s.t.id, Stream: uint16(s.index), Sender: a.id, Seq: seq, Due: o.Due}
		f.stamp = &s.mark
	}
	if s.needsRoom {
		f.room = s.group.roomName(room)
	}
	if s.sized() {
		f.size = s.sizeOf(o, seq)
	}
	return s.custom.append(dst, f)
}
