package scenario

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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
// characters, or zeros in a binary payload. All of them are compared, at some 20 GB/s, and as many
// must be there as were sent: a drawn size is drawn from what the stamp says.

// An intact describes the bytes that must follow the stamps in a stream's payloads.
type intact struct {
	// bytes in a message of the stream's size; below fewFillers: nothing is checked
	n int
	// sizes are those of a log, which receivers do not know: at least one byte, and the end of a
	// text, or of a word, behind the last
	logged  bool
	words   bool   // the payload is a text, which may stand inside a longer one
	ends    string // a letter or a digit that stands behind it there; "": none
	zeros   bool   // in a binary payload
	seen    atomic.Int64
	changed atomic.Int64
}

const (
	fewFillers  = 8  // in fewer, filler is not told from a server's own text
	nearFillers = 64 // bytes behind the stamp within which the filler begins: a key, with escapes
)

var zeros = make([]byte, len(fillers))

// expectIntact returns the expected form of the stream's messages.
func (s *stream) expectIntact(form file.Template) {
	w := &s.intact
	w.logged, w.zeros = s.spec.Logged, s.spec.Binary
	op := s.spec.Operation
	switch {
	case op != nil && (op.AltersPayload() || op.Emit.Has(file.HoleStamp)):
	case s.bodies, !s.stamped, !form.IsZero() && !form.Has(file.HolePayload) && !s.spec.Binary:
	case w.zeros && w.logged:
		w.n = fewFillers // as many as there are
	case w.zeros:
		w.n = s.spec.Size - stamp.Size
	default:
		w.n = s.spec.Size - file.MinSize
		if i := slices.IndexFunc(form.Holes, func(h file.Hole) bool { return h.Name == file.HolePayload }); i >= 0 && (op != nil || form.Holes[i].Form != file.FormValue) {
			w.expectText(s.spec.Size-stamp.TextSize, form.Parts[i+1])
		}
	}
}

// expectText expects n bytes of filler in a text, which goes on with next.
func (w *intact) expectText(n int, next string) {
	rest := strings.TrimLeft(next, string(fillers[:1])) // it may begin as filler does
	w.words, w.n = true, n+len(next)-len(rest)
	switch {
	case rest == "": // a value follows, which may begin with anything
		w.n = 0
	case isWord(rest[0]):
		w.ends = rest[:1]
	}
}

// isWord reports whether a byte is a letter or a digit, rather than what a server puts behind a
// word.
func isWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// fillersOf is how many bytes must follow a stamp.
func (s *stream) fillersOf(st *stamp.Stamp) int {
	if n := s.intact.n; n == 0 || s.intact.logged || s.spec.Sizes.IsZero() {
		return n
	}
	return s.intact.n + s.drawnSize(st.Due, st.Seq) - s.spec.Size
}

// check reports whether the bytes after a stamp equal the bytes sent, of which n are filler. The
// filler of an object may stand before its stamp: the order of keys is the server's to choose.
// packed: the message is MessagePack, where after a binary payload other values may follow. beside
// says whether the bytes that differ are another message's; nil: they are not.
func (w *intact) check(before, after []byte, n int, packed bool, beside func() bool) bool {
	if n < fewFillers {
		return true
	}
	w.seen.Add(1)
	var ok bool
	switch {
	case w.zeros && w.logged:
		ok = packed || runIn(after, zeros) == len(after)
	case w.zeros:
		ok = runIn(after, zeros) >= n && (packed || len(after) == n)
	default:
		ok = w.text(before, after, n, packed)
	}
	if !ok && beside != nil {
		ok = beside()
	}
	if !ok {
		w.changed.Add(1)
	}
	return ok
}

// beside reports whether a message is intact that stands with others in one event. The filler of
// each may stand before its stamp, as that of the first one does, so that the next one's follows
// the stamp; and something may follow zeros. first is what stands before the first stamp.
func (w *intact) beside(first, before, after []byte, n int, packed bool) bool {
	if w.zeros {
		return runIn(after, zeros) >= n
	}
	return !w.logged && runBefore(first) > 0 && w.fits(runBefore(before), n, packed)
}

func (w *intact) text(before, after []byte, sent int, packed bool) bool {
	least := fewFillers
	if w.logged {
		least = 1
	}
	i := bytes.Index(after[:min(len(after), nearFillers+least)], fillers[:least])
	var rest []byte
	n := 0
	switch {
	case w.logged && (i < 0 || !w.words && !behindKey(after[:i])):
		return true // it may have none, and other texts have such letters
	case w.logged && w.words: // right behind the stamp, if there is any
		rest = after
		n = runIn(rest, fillers)
	case i < 0:
		n = runBefore(before)
	default:
		rest = after[i:]
		n = runIn(rest, fillers)
	}
	if w.logged {
		return packed || n < len(rest) && (strings.IndexByte(`"\&`+w.ends, rest[n]) >= 0 || w.words && !isWord(rest[n]))
	}
	return w.fits(n, sent, packed)
}

// behindKey reports whether what stands between a stamp and such a letter ends with the key of the
// filler: there may be none, and the value of another key.
func behindKey(b []byte) bool {
	key := b[bytes.LastIndexAny(b, ",}]")+1:]
	i := bytes.IndexByte(key, 'p')
	return len(b) == 0 || i > 0 && !isWord(key[i-1]) && i+1 < len(key) && !isWord(key[i+1])
}

// fits reports whether n bytes of filler are as many as were sent.
func (w *intact) fits(n, sent int, packed bool) bool {
	like := 0 // bytes of MessagePack beside the text that look like filler
	if packed && w.words {
		like = 1 // the number 120 behind it
	} else if packed {
		for v := sent; byte(v) == fillers[0]; v >>= 8 {
			like++ // the last ones of its length, before it
		}
	}
	return n == sent || n == sent+like
}

// runBefore is how many bytes of filler stand before a stamp, with a key between them.
func runBefore(b []byte) (n int) {
	end := bytes.LastIndex(b[max(0, len(b)-nearFillers-fewFillers):], fillers[:fewFillers])
	if end < 0 {
		return 0
	}
	end += max(0, len(b)-nearFillers-fewFillers) + fewFillers
	for n < end && b[end-1-n] == fillers[0] {
		n++
	}
	return n
}

// runIn is how many bytes b begins with that are those of a run, which repeats one byte. It looks
// at each byte once: something follows the filler of nearly every message.
func runIn(b, run []byte) (n int) {
	for len(b)-n >= len(run) && bytes.Equal(b[n:n+len(run)], run) {
		n += len(run)
	}
	word := binary.LittleEndian.Uint64(run)
	for ; len(b)-n >= 8; n += 8 {
		if other := binary.LittleEndian.Uint64(b[n:]) ^ word; other != 0 {
			return n + bits.TrailingZeros64(other)/8
		}
	}
	for n < len(b) && b[n] == run[0] {
		n++
	}
	return n
}

// checkIntact counts a message whose payload was changed on its way. first is what stands before
// the first stamp of the scan.
func (a *actor) checkIntact(st *stamp.Stamp, scan *stamp.Scan, first []byte) {
	if int(st.Stream) >= len(a.t.streams) {
		return
	}
	s, packed := a.t.streams[st.Stream], a.group.parser != socketio.JSON
	n := s.fillersOf(st)
	if !s.intact.check(scan.Before(), scan.After(), n, packed, func() bool {
		return scan.Several() && s.intact.beside(first, scan.Before(), scan.After(), n, packed)
	}) {
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
