package scenario

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/throng-io/throng/scenario/internal/plan"
)

// A stamp travels in every message of a stream and says at the receiver what
// the message is. On the wire it is 24 bytes, big endian: run id 4, stream 2, sender 4,
// sequence 4, nanoseconds since the trial's start at which it was due 8, and as check
// 2 bytes of a hash of those 22. In JSON it is base64url under "$b".
type stamp struct {
	run    uint32
	stream uint16 // index in the trial; the streams of all groups, in file order
	sender uint32 // the client's index in the trial
	seq    uint32 // of the stream, in the order of emission; so it grows for each sender
	due    int64
}

const (
	stampBytes = 24
	stampText  = 32 // of stampBytes in base64url
)

// stampCheck is a hash rather than a CRC of the library, which would move the
// bytes to the heap.
func stampCheck(b *[stampBytes]byte) uint16 {
	h := plan.Mix(binary.BigEndian.Uint64(b[0:]) + 0x9e3779b97f4a7c15) // so that 24 zero bytes are no stamp
	h = plan.Mix(h ^ binary.BigEndian.Uint64(b[8:]))
	return uint16(plan.Mix(h^binary.BigEndian.Uint64(b[14:])) >> 48)
}

// put writes the stamp's text to dst[:stampText].
func (s *stamp) put(dst []byte) {
	b := s.pack()
	base64.RawURLEncoding.Encode(dst[:stampText], b[:])
}

// append appends the stamp's text.
func (s *stamp) append(dst []byte) []byte {
	var text [stampText]byte
	s.put(text[:])
	return append(dst, text[:]...)
}

var (
	stampHead = []byte(`{"$b":"`)
	stampKey  = []byte(`"$b":"`)
)

// pack writes the stamp's bytes.
func (s *stamp) pack() (b [stampBytes]byte) {
	binary.BigEndian.PutUint32(b[0:], s.run)
	binary.BigEndian.PutUint16(b[4:], s.stream)
	binary.BigEndian.PutUint32(b[6:], s.sender)
	binary.BigEndian.PutUint32(b[10:], s.seq)
	binary.BigEndian.PutUint64(b[14:], uint64(s.due))
	binary.BigEndian.PutUint16(b[22:], stampCheck(&b))
	return b
}
