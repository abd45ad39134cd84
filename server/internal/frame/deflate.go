package frame

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"

	"github.com/throng-io/throng/protocol/websocket"
)

// Compression of single messages, RFC 7692, without context takeover: each is compressed by itself,
// so it is compressed once for all receivers, and a connection that is idle keeps no window.

// deflateTail ends every compressed message and is not sent; the block behind it ends the stream
// for the reader.
const deflateTail = "\x00\x00\xff\xff"

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

// appendDeflated appends the WebSocket frame of a payload, in parts, that is compressed, or as it
// is if that is shorter.
func appendDeflated(dst []byte, op websocket.Opcode, size int, payload ...[]byte) []byte {
	d := deflaters.Get().(*deflater)
	defer func() {
		if d.out.Cap() <= maxDeflater {
			deflaters.Put(d)
		}
	}()
	d.out.Reset()
	d.w.Reset(&d.out)
	for _, part := range payload {
		_, _ = d.w.Write(part) // into memory: it does not fail
	}
	_ = d.w.Flush()
	short := bytes.TrimSuffix(d.out.Bytes(), []byte(deflateTail))
	if len(short) < size {
		h := header(op, len(short))
		h.Reserved = websocket.RSV1
		return append(h.Append(dst), short...)
	}
	dst = header(op, size).Append(dst)
	for _, part := range payload {
		dst = append(dst, part...)
	}
	return dst
}

// ErrInflated reports a compressed message that is longer than the limit when it is not.
var ErrInflated = errors.New("compressed message is over the limit")

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// Inflate appends a compressed message to dst. It stops with ErrInflated behind limit bytes,
// however long the message is; other errors say that it is not compressed as it should be.
func Inflate(dst *bytes.Buffer, message []byte, limit int) error {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	source := io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte(deflateTail+"\x01\x00\x00\xff\xff")))
	if err := r.(flate.Resetter).Reset(source, nil); err != nil {
		return err
	}
	n, err := io.Copy(dst, io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return err
	case n > int64(limit):
		return ErrInflated
	}
	return nil
}
