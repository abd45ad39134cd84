package stamp

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/throng-io/throng/scenario/internal/plan"
)

// A Stamp travels in every message of a stream and says at the receiver what
// the message is. On the wire it is 24 bytes, big endian: run id 4, stream 2, sender 4,
// sequence 4, nanoseconds since the trial's start at which it was due 8, and as check
// 2 bytes of a hash of those 22. In JSON it is base64url under "$b".
type Stamp struct {
	Run    uint32
	Stream uint16 // index in the trial; the streams of all groups, in file order
	Sender uint32 // the client's index in the trial
	Seq    uint32 // of the stream, in the order of emission; so it grows for each sender
	Due    int64  // nanoseconds since the trial's start
}

// The length of a stamp.
const (
	Size     = 24
	TextSize = 32 // in base64url
)

// check is a hash rather than a CRC of the library, which would move the
// bytes to the heap.
func check(b *[Size]byte) uint16 {
	// so that 24 zero bytes are no stamp
	h := plan.Mix(binary.BigEndian.Uint64(b[0:]) + 0x9e3779b97f4a7c15)
	h = plan.Mix(h ^ binary.BigEndian.Uint64(b[8:]))
	return uint16(plan.Mix(h^binary.BigEndian.Uint64(b[14:])) >> 48)
}

// Put writes the stamp's text to dst[:TextSize].
func (s *Stamp) Put(dst []byte) {
	b := s.Bytes()
	base64.RawURLEncoding.Encode(dst[:TextSize], b[:])
}

// Append appends the stamp's text.
func (s *Stamp) Append(dst []byte) []byte {
	var text [TextSize]byte
	s.Put(text[:])
	return append(dst, text[:]...)
}

// Where the runner's own payload has the stamp: at its head, under a key that servers keep.
const (
	Key  = `"$b":"`
	Head = "{" + Key
)

// Bytes is the stamp as binary payloads have it.
func (s *Stamp) Bytes() (b [Size]byte) {
	binary.BigEndian.PutUint32(b[0:], s.Run)
	binary.BigEndian.PutUint16(b[4:], s.Stream)
	binary.BigEndian.PutUint32(b[6:], s.Sender)
	binary.BigEndian.PutUint32(b[10:], s.Seq)
	binary.BigEndian.PutUint64(b[14:], uint64(s.Due))
	binary.BigEndian.PutUint16(b[22:], check(&b))
	return b
}
