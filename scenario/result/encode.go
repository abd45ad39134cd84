package result

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An encoder packs histograms of the shape of [NewHistogram] in the compressed V2 encoding of
// HdrHistogram, in base64: at the best level byte for byte as hdrhistogram-go does. That makes a
// compressor for each, 0.8 MiB of garbage for what is often a few bytes; a trial packs each of its
// metrics once a second, also those of which nothing comes, and its collections of garbage were
// made of that alone. One goroutine at a time.
type encoder struct {
	level  int // of zlib
	plain  []byte
	packed bytes.Buffer
	z      *zlib.Writer // nil before the first
	empty  []byte       // what an empty one is packed to; nil before the first
}

// The cookies of the encoding, with the size of a word that they carry.
const (
	cookieOfCounts = uint32(hdrhistogram.V2EncodingCookieBase | 0x10)
	cookieOfPacked = uint32(hdrhistogram.V2CompressedEncodingCookieBase | 0x10)
)

// append appends a packed histogram.
func (e *encoder) append(dst []byte, h *hdrhistogram.Histogram) ([]byte, error) {
	if h.TotalCount() > 0 {
		return e.pack(dst, h)
	}
	if e.empty == nil {
		empty, err := e.pack(nil, h)
		if err != nil {
			return dst, err
		}
		e.empty = empty
	}
	return append(dst, e.empty...), nil
}

func (e *encoder) pack(dst []byte, h *hdrhistogram.Histogram) ([]byte, error) {
	e.fill(h)
	e.packed.Reset()
	e.packed.Write(make([]byte, 8)) // what the lengths below go into
	if e.z == nil {
		z, err := zlib.NewWriterLevel(&e.packed, e.level)
		if err != nil {
			return dst, err
		}
		e.z = z
	} else {
		e.z.Reset(&e.packed)
	}
	if _, err := e.z.Write(e.plain); err != nil {
		return dst, err
	}
	if err := e.z.Close(); err != nil {
		return dst, err
	}
	b := e.packed.Bytes()
	binary.BigEndian.PutUint32(b, cookieOfPacked)
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-8)) //nolint:gosec // some KiB
	return base64.StdEncoding.AppendEncode(dst, b), nil
}

// fill makes the plain form: a header, and the counts up to the last that is not zero as signed
// numbers of variable length, of which a negative one stands for so many zeros.
func (e *encoder) fill(h *hdrhistogram.Histogram) {
	ratio, counts := 0.0, []int64{0}
	if h.TotalCount() > 0 {
		s := h.Export()
		ratio, counts = s.IntegerToDoubleConversionRatio, s.Counts
	}
	for len(counts) > 1 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	b := binary.BigEndian.AppendUint32(e.plain[:0], cookieOfCounts)
	b = binary.BigEndian.AppendUint32(b, 0) // the length of what follows the header
	b = binary.BigEndian.AppendUint32(b, 0) // the offset of the first count
	b = binary.BigEndian.AppendUint32(b, uint32(h.SignificantFigures()))
	b = binary.BigEndian.AppendUint64(b, uint64(h.LowestTrackableValue()))
	b = binary.BigEndian.AppendUint64(b, uint64(h.HighestTrackableValue()))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(cmp.Or(ratio, 1)))
	header := len(b)
	zeros := int64(0)
	for i, n := range counts {
		if n == 0 {
			zeros++
			if i+1 < len(counts) && counts[i+1] == 0 {
				continue
			}
			if n = -zeros; zeros == 1 {
				n = 0
			}
			zeros = 0
		}
		b = binary.AppendVarint(b, n)
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-header)) //nolint:gosec // at most some 100 KiB
	e.plain = b
}
