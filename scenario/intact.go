package scenario

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

// A stamp's check value shows when the stamp is damaged. The bytes after it are known too: filler
// characters, or zeros in a binary payload. In long payloads only a sample is compared, which keeps
// the check cheap.

// An intact describes the bytes that must follow the stamps in a stream's payloads.
type intact struct {
	n       int    // bytes; below fewFillers: nothing is checked
	drawn   bool   // sizes are drawn: at least one byte, and the end of a text behind the last
	ends    string // what may stand there beside the end of a text: the text behind the payload
	zeros   bool   // in a binary payload
	seen    atomic.Int64
	changed atomic.Int64
}

const (
	fewFillers  = 8    // in fewer, filler is not told from a server's own text
	nearFillers = 64   // bytes behind the stamp within which the filler begins: a key, with escapes
	alwaysUpTo  = 1024 // longer ones are checked each sampleEvery-th time
	sampleEvery = 16
)

// expectIntact returns the expected form of the stream's messages.
func (s *stream) expectIntact(form file.Template) {
	w := &s.intact
	w.drawn, w.zeros = s.sized(), s.spec.Binary
	op := s.spec.Operation
	switch {
	case op != nil && (op.AltersPayload() || op.Emit.Has(file.HoleStamp)):
	case s.bodies, !s.stamped, !form.IsZero() && !form.Has(file.HolePayload) && !s.spec.Binary, w.zeros && w.drawn:
	case w.zeros:
		w.n = s.spec.Size - stamp.Size
	case op != nil:
		w.n = s.spec.Size - stamp.TextSize
		if w.ends = behind(&op.Emit); w.ends == "x" { // not told from filler
			w.n = 0
		}
	default:
		w.n = s.spec.Size - file.MinSize
	}
}

// behind returns the first byte of the text behind the payload, "" where the payload ends its text.
func behind(emit *file.Template) string {
	i := slices.IndexFunc(emit.Holes, func(h file.Hole) bool { return h.Name == file.HolePayload && h.Form == file.FormString })
	if i < 0 {
		return ""
	}
	part := emit.Parts[i+1]
	switch {
	case part == "" || part[0] == '"':
		return ""
	case part[0] != '\\':
		return part[:1]
	}
	for _, n := range []int{len(`\n`), len(`\u003c`)} {
		var c string
		if n <= len(part) && json.Unmarshal([]byte(`"`+part[:n]+`"`), &c) == nil {
			return c[:1]
		}
	}
	return ""
}

// check reports whether the sampled bytes after a stamp equal the bytes sent. packed: the message
// is MessagePack.
func (w *intact) check(seq uint32, after []byte, packed bool) bool {
	if w.n < fewFillers || w.n > alwaysUpTo && seq%sampleEvery != 0 {
		return true
	}
	w.seen.Add(1)
	var ok bool
	switch {
	case w.zeros:
		ok = len(after) >= w.n && len(bytes.TrimLeft(after[:w.n], "\x00")) == 0
	default:
		ok = w.text(after, packed)
	}
	if !ok {
		w.changed.Add(1)
	}
	return ok
}

func (w *intact) text(after []byte, packed bool) bool {
	least := fewFillers
	if w.drawn {
		least = 1
	}
	i := bytes.Index(after[:min(len(after), nearFillers+least)], fillers[:least])
	if i < 0 {
		return w.drawn // it may have none
	}
	rest := after[i:]
	n := 0
	for n < len(rest) && rest[n] == fillers[0] {
		if k := min(len(rest)-n, len(fillers)); bytes.Equal(rest[n:n+k], fillers[:k]) {
			n += k
			continue
		}
		n++
	}
	if w.drawn {
		return packed || n < len(rest) && strings.IndexByte(`"\&`+w.ends, rest[n]) >= 0
	}
	return n == w.n || packed && n == w.n+1 && byte(w.n) == fillers[0] // the last byte of the length looks like filler
}

// checkIntact counts a message whose payload was changed on its way.
func (a *actor) checkIntact(st *stamp.Stamp, after []byte) {
	if int(st.Stream) >= len(a.t.streams) {
		return
	}
	if s := a.t.streams[st.Stream]; !s.intact.check(st.Seq, after, a.group.parser != socketio.JSON) {
		a.t.errors.Add(record.ErrorKey{Class: metric.Error(metric.ErrStamp, metric.HowChanged), Stream: s.index, Group: a.group.index}, st.Due, nil)
	}
}

// rewritten names a stream of which every payload was changed: that is no accident.
func (f *findings) rewritten(say func(format string, args ...any)) {
	for _, s := range f.t.streams {
		if n := s.intact.changed.Load(); n > 10 && n == s.intact.seen.Load() {
			say("the payload of every message of %s arrived changed: if the server changes payloads on purpose, write changes: true in %s of the contract", s.spec.Event, s.operation())
		}
	}
}
