package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
)

// Deflate is the name of the extension that compresses messages (RFC 7692).
const Deflate = "permessage-deflate"

// Window is how many bytes before a message it may refer to, where the peer keeps its window from
// one message to the next (context takeover; RFC 7692, section 7.1.1).
const Window = 32 << 10

// deflateTail ends every compressed message and is not sent; the block behind it ends the stream
// for the reader (RFC 7692, section 7.2).
const deflateTail = "\x00\x00\xff\xff"

var deflateEnd = []byte(deflateTail + "\x01\x00\x00\xff\xff")

type deflater struct {
	out bytes.Buffer
	w   *flate.Writer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // the level is one there is
	return d
}}

// maxDeflater bounds the buffers that are kept with a compressor.
const maxDeflater = 256 << 10

// AppendDeflated appends a message to dst as one frame. Its payload is the concatenation of parts,
// compressed without reference to earlier messages (no context takeover): one frame suits all
// receivers, and an idle connection keeps no window. A payload that compression does not shorten is
// appended uncompressed. h needs Opcode, and for a client Masked and Key; the other fields are set.
// Any goroutine may call it.
func AppendDeflated(dst []byte, h Header, parts ...[]byte) []byte {
	d := deflaters.Get().(*deflater)
	defer func() {
		if d.out.Cap() <= maxDeflater {
			deflaters.Put(d)
		}
	}()
	d.out.Reset()
	d.w.Reset(&d.out)
	size := 0
	for _, part := range parts {
		size += len(part)
		_, _ = d.w.Write(part) // into memory: it does not fail
	}
	_ = d.w.Flush()
	h.Final, h.Reserved, h.Length = true, 0, uint64(size)
	if short := bytes.TrimSuffix(d.out.Bytes(), []byte(deflateTail)); len(short) < size {
		h.Reserved, h.Length = RSV1, uint64(len(short))
		parts = [][]byte{short}
	}
	dst = h.Append(dst)
	begin := len(dst)
	for _, part := range parts {
		dst = append(dst, part...)
	}
	if h.Masked {
		Mask(dst[begin:], h.Key)
	}
	return dst
}

// ErrInflated reports a compressed message whose decompressed size exceeds the limit.
var ErrInflated = errors.New("compressed message is over the limit")

// An inflater is a reader of one message after the other.
type inflater struct {
	r        io.ReadCloser
	in, tail []byte // that it reads
	left     io.LimitedReader
}

var inflaters = sync.Pool{New: func() any { return &inflater{r: flate.NewReader(nil)} }}

// Inflate decompresses a message and appends the result to dst. window holds the decompressed
// messages before this one, of which the last Window bytes are enough; it is nil where each message
// is compressed by itself. Inflate stops with ErrInflated behind limit bytes, so that a short
// message cannot take much memory; other errors report a malformed message. dst may have been
// written to then. Inflate keeps neither message nor window, and any goroutine may call it.
func Inflate(dst *bytes.Buffer, message, window []byte, limit int) error {
	f := inflaters.Get().(*inflater)
	defer func() {
		f.in, f.tail = nil, nil
		inflaters.Put(f)
	}()
	f.in, f.tail = message, deflateEnd
	if err := f.r.(flate.Resetter).Reset(f, window); err != nil {
		return err
	}
	f.left = io.LimitedReader{R: f.r, N: int64(limit) + 1}
	n, err := dst.ReadFrom(&f.left)
	switch {
	case err != nil:
		return err
	case n > int64(limit):
		return ErrInflated
	}
	return nil
}

// Read implements io.Reader.
func (f *inflater) Read(b []byte) (int, error) {
	if !f.more() {
		return 0, io.EOF
	}
	n := copy(b, f.in)
	f.in = f.in[n:]
	return n, nil
}

// ReadByte implements io.ByteReader; without it flate would put a buffer of its own before f, for
// each message.
func (f *inflater) ReadByte() (byte, error) {
	if !f.more() {
		return 0, io.EOF
	}
	b := f.in[0]
	f.in = f.in[1:]
	return b, nil
}

func (f *inflater) more() bool {
	if len(f.in) == 0 {
		f.in, f.tail = f.tail, nil
	}
	return len(f.in) > 0
}
