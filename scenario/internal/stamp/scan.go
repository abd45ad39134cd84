package stamp

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
)

// A Finder finds the stamps in the messages of a server. It does not change, so goroutines may
// share it.
type Finder struct {
	Parser socketio.Parser // of the arguments
	At     *file.Path      // where the server's contract puts the stamps; nil: anywhere
	Run    uint32          // whose stamps are looked for; it must be Searchable
}

// escapedSize is as long as a stamp of which every character is escaped twice.
const escapedSize = TextSize * len(`\\u0026#x0041;`)

// beginSize is how many characters of a stamp's text the run alone decides.
const beginSize = 5

// Searchable reports whether the stamps of a run can be searched for by how their text begins: with
// characters that nothing escapes, and not as filler does.
func Searchable(run uint32) bool {
	var text [TextSize]byte
	(&Stamp{Run: run}).Put(text[:])
	return !bytes.ContainsAny(text[:beginSize], "-_") && text[0] != 'x'
}

// A Scan goes through one event. It finds the stamps of its run wherever they stand and as often as
// they do: as text, in JSON or MessagePack of any form, inside of other texts, with escapes; and as
// bytes.
type Scan struct {
	f           *Finder
	rest        []byte // of the piece that is looked at
	before      []byte // of it, what stands before the stamp that was found last
	args        []byte
	attachments [][]byte // that follow
	first       []byte   // of all attachments
	raw         bool     // the piece may have stamps as bytes
	some        bool     // one was found
	several     bool     // more than one was
	undone      bool     // rest has its escapes undone
	run         [4]byte
	begin       [8]byte // its first beginSize characters begin the text of every stamp
}

// Scan looks for stamps in an event or an acknowledgement: in its arguments, and in its
// attachments. They are the caller's, and must not change before the last Next.
func (f *Finder) Scan(args []byte, attachments [][]byte) Scan {
	s := Scan{f: f, rest: args, args: args, attachments: attachments, raw: f.Parser != socketio.JSON}
	if len(attachments) > 0 {
		s.first = attachments[0]
	}
	binary.BigEndian.PutUint32(s.run[:], f.Run)
	six := [6]byte{s.run[0], s.run[1], s.run[2], s.run[3]}
	base64.RawURLEncoding.Encode(s.begin[:], six[:])
	if f.At != nil {
		s.args, s.raw = f.placed(args), false
		s.rest = s.args
	}
	return s
}

// placed returns the values that the contract's path leads to, as JSON.
func (f *Finder) placed(args []byte) (out []byte) {
	if f.Parser != socketio.JSON {
		args, _ = f.Parser.AppendJSON(nil, args) // nil when it is damaged
	}
	if v, _, plain := f.At.Raw(args); plain {
		return v
	}
	doc, err := jsonpath.Args(args)
	if err != nil {
		return nil // the client has checked it
	}
	for _, v := range doc.Select(f.At) {
		out = append(jsonpath.Append(out, v), '\n')
	}
	return out
}

// Find is the first stamp of a Scan.
func (f *Finder) Find(args []byte, attachments [][]byte) (Stamp, State) {
	s := f.Scan(args, attachments)
	return s.Next()
}

// Next returns the next stamp, also a damaged one; None when there are no more. Where there is no
// stamp of the run, it returns one of another run, or a damaged one, once.
func (s *Scan) Next() (Stamp, State) {
	for {
		text, raw := bytes.Index(s.rest, s.begin[:beginSize]), -1
		if s.raw {
			raw = bytes.Index(s.rest, s.run[:])
		}
		switch {
		case raw >= 0 && (text < 0 || raw < text):
			head := s.rest[raw:]
			s.rest = head[1:]
			if st, state := findBinary(head); state == Found {
				s.before, s.rest, s.some, s.several = nil, head[Size:], true, s.some
				return st, state
			}
		case text >= 0:
			st, n, state := readEscaped(s.rest[text:])
			if state == Damaged && !s.undone && mayEscape(s.rest[text:min(len(s.rest), text+escapedSize)]) {
				s.undone, s.raw = true, false
				s.rest = undo(s.rest[text:])
				continue
			}
			s.before, s.rest, s.some, s.several = s.rest[:text], s.rest[text+n:], true, s.some
			return st, state
		case len(s.attachments) > 0:
			s.rest, s.attachments, s.raw = s.attachments[0], s.attachments[1:], true
		case s.some:
			return Stamp{}, None
		case !s.undone && mayEscape(s.args):
			s.undone, s.raw = true, false
			s.rest = undo(s.args)
		default:
			s.some, s.rest = true, nil
			return s.other()
		}
	}
}

// After returns the bytes after the stamp that Next returned last, up to the end of the arguments
// or of the attachment that holds it.
func (s *Scan) After() []byte { return s.rest }

// Before returns the bytes before that stamp, from the stamp before it or the beginning of the
// arguments on. It is empty for a stamp that is bytes.
func (s *Scan) Before() []byte { return s.before }

// Several reports whether the event has another stamp before the one that Next returned last, or
// behind it in the same piece: then what stands beside a stamp may be another message's.
func (s *Scan) Several() bool {
	return s.several || bytes.Contains(s.rest, s.begin[:beginSize]) || s.raw && bytes.Contains(s.rest, s.run[:])
}

// other looks for a foreign value in the place where the runner puts a stamp.
func (s *Scan) other() (Stamp, State) {
	switch {
	case s.first != nil:
		return findBinary(s.first)
	case s.f.At != nil:
		return findAt(s.args)
	case s.f.Parser != socketio.JSON:
		return findPacked(s.args)
	}
	return findJSON(s.args)
}

// readEscaped reads a stamp's text, of which some characters may be escaped, and says how many
// bytes that takes, at least one. Nearly always none is.
func readEscaped(b []byte) (st Stamp, n int, state State) {
	if len(b) >= TextSize {
		if st, state = read(b[:TextSize]); state == Found {
			return st, TextSize, state
		}
	}
	var text [TextSize]byte
	for i := range text {
		c, size := unescape(b[n:], "")
		if size == 0 {
			return st, max(n, 1), Damaged
		}
		text[i] = c
		n += size
	}
	st, state = read(text[:])
	return st, n, state
}

// escapes are the ways in which a character of a stamp may be escaped: in JSON and JavaScript,
// behind any number of backslashes, in HTML, and in URLs.
var escapes = []struct {
	begin        string
	slashed      bool
	end          string
	digits, base int // no digits: up to the end
}{
	{"u", true, "", 4, 16},
	{"x", true, "", 2, 16},
	{"&#x", false, ";", 0, 16},
	{"&#X", false, ";", 0, 16},
	{"&#", false, ";", 0, 10},
	{"%", false, "", 2, 16},
}

// unescape reads a character of base64url, or an escaped one of more; size 0: there is none.
func unescape(b []byte, more string) (c byte, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	if isText(b[0]) {
		return b[0], 1
	}
	slashes := len(b) - len(bytes.TrimLeft(b, `\`))
	for i := range escapes {
		e := &escapes[i]
		if e.slashed != (slashes > 0) || !bytes.HasPrefix(b[slashes:], []byte(e.begin)) {
			continue
		}
		rest, digits := b[slashes+len(e.begin):], e.digits
		if digits == 0 {
			digits = bytes.IndexByte(rest, e.end[0])
		}
		if digits < 1 || digits > 6 || digits > len(rest) {
			return 0, 0
		}
		v, err := strconv.ParseUint(string(rest[:digits]), e.base, 8)
		if err != nil || !isText(byte(v)) && strings.IndexByte(more, byte(v)) < 0 {
			return 0, 0
		}
		return byte(v), slashes + len(e.begin) + digits + len(e.end)
	}
	return 0, 0
}

func isText(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
