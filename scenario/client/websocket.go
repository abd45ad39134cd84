package client

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 prescribes it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

// scratchPool holds the buffers in which packets are framed and fragments are
// put together.
var scratchPool = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch bounds what the pool keeps of one buffer.
const maxScratch = 64 << 10

func putScratch(b *[]byte) {
	if cap(*b) <= maxScratch {
		*b = (*b)[:0]
		scratchPool.Put(b)
	}
}

// websocket is a connection after the handshake. One goroutine reads it; any
// may send.
type websocket struct {
	c     *Client
	conn  *conn
	rd    *reader
	limit int // bytes of a message

	// probe is set while the session does not depend on this connection: its
	// failure is then for the reader alone. Only Dial changes it, under mu.
	probe bool

	fragments *[]byte // a message that arrives in fragments; borrowed
	opcode    byte    // of that message; 0 = none is unfinished

	mu       sync.Mutex
	queue    []byte // frames that the kernel did not take yet
	writing  int    // bytes that the flushing goroutine has taken from the queue
	flushing bool   // a goroutine empties the queue
	closed   bool
}

func newWebsocket(c *Client, link *conn) *websocket {
	return &websocket{c: c, conn: link, rd: newReader(link), limit: c.maxMessage}
}

// acceptGUID is the constant of RFC 6455, section 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// handshake asks for websocket and checks the answer as section 4.1 says.
func (w *websocket) handshake(t *target, sid string) error {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := t.appendRequest(nil, "GET", "websocket", sid, nil)
	request = append(request, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	request = append(request, key...)
	request = append(request, "\r\n\r\n"...)
	if _, err := w.conn.Write(request); err != nil {
		return err
	}
	res, err := readResponse(w.rd, w.limit)
	if err != nil {
		return err
	}
	if res.status != 101 {
		return newStatusError(res)
	}
	sum := sha1.Sum([]byte(key + acceptGUID)) //nolint:gosec // see the import
	switch {
	case !hasToken(res.field("Upgrade"), "websocket"):
		return protocolError("websocket handshake: the answer has no Upgrade: websocket")
	case !hasToken(res.field("Connection"), "upgrade"):
		return protocolError("websocket handshake: the answer has no Connection: Upgrade")
	case string(res.field("Sec-WebSocket-Accept")) != base64.StdEncoding.EncodeToString(sum[:]):
		return protocolError("websocket handshake: wrong Sec-WebSocket-Accept")
	case len(res.field("Sec-WebSocket-Extensions")) > 0:
		return protocolError("websocket handshake: the server chose an extension that was not offered")
	}
	return nil
}

// step reads one message and handles it.
func (w *websocket) step(h Handler) error {
	opcode, payload, err := w.next()
	if err != nil {
		return err
	}
	if w.c.plain {
		return w.c.plainMessage(h, payload, w.rd.at)
	}
	if opcode == opBinary {
		return w.c.message(h, payload, true, w.rd.at)
	}
	p, err := engineio.Parse(payload)
	if err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	return w.c.packet(h, p, w.rd.at)
}

// run reads until the session ends.
func (w *websocket) run(h Handler) error {
	for {
		if err := w.step(h); err != nil {
			return err
		}
	}
}

// next returns the next whole message. The payload is valid until the next
// call. Frames are taken straight from the read buffer, so a burst of them
// costs one read.
func (w *websocket) next() (opcode byte, payload []byte, err error) {
	if w.opcode == 0 && w.fragments != nil {
		putScratch(w.fragments)
		w.fragments = nil
	}
	for {
		h, payload, err := w.frame()
		if err != nil {
			return 0, nil, err
		}
		switch {
		case h.opcode >= opClose:
			err = w.control(h.opcode, payload)
		case h.opcode == opContinuation && w.opcode == 0:
			err = w.violation(&frameError{codeProtocol, "continuation without a beginning"})
		case h.opcode != opContinuation && w.opcode != 0:
			err = w.violation(&frameError{codeProtocol, "new message inside a fragmented one"})
		case h.fin && w.opcode == 0:
			return h.opcode, payload, nil
		default:
			if w.opcode == 0 {
				w.opcode, w.fragments = h.opcode, scratchPool.Get().(*[]byte)
			}
			*w.fragments = append(*w.fragments, payload...)
			if h.fin {
				opcode, w.opcode = w.opcode, 0
				return opcode, *w.fragments, nil
			}
		}
		if err != nil {
			return 0, nil, err
		}
	}
}

// frame takes the next frame off the read buffer, reading as long as it has
// not arrived as a whole.
func (w *websocket) frame() (h frameHeader, payload []byte, err error) {
	limit := w.limit
	if w.opcode != 0 {
		limit -= len(*w.fragments)
	}
	for {
		b := w.rd.unread()
		h, whole, err := parseHeader(b, limit)
		if err != nil {
			return h, nil, w.violation(err)
		}
		if end := h.size + h.length; whole && len(b) >= end {
			w.rd.consume(end)
			return h, b[h.size:end:end], nil
		}
		if err := w.rd.fill(); err != nil {
			if errors.Is(err, io.EOF) && (len(b) > 0 || w.opcode != 0) {
				err = io.ErrUnexpectedEOF
			}
			return h, nil, err
		}
	}
}

// violation answers a broken rule with the close frame that names it.
func (w *websocket) violation(err error) error {
	if broken, ok := errors.AsType[*frameError](err); ok {
		_ = w.sendFrames(appendClose(nil, broken.code))
	}
	return err
}

// control handles a control frame.
func (w *websocket) control(opcode byte, payload []byte) error {
	switch opcode {
	case opPing:
		// A full queue loses the pong: the peer does not read anyway.
		_ = w.sendFrames(appendFrame(nil, opPong, "", payload))
	case opPong:
		w.echoed(payload)
	case opClose:
		if len(payload) == 1 {
			return w.violation(&frameError{codeProtocol, "close frame with one byte of payload"})
		}
		_ = w.sendFrames(appendFrame(nil, opClose, "", payload[:min(len(payload), 2)]))
		if len(payload) == 0 {
			return &CloseError{Reason: TransportClose, Cause: errors.New("websocket: close frame without a code")}
		}
		code := binary.BigEndian.Uint16(payload)
		return &CloseError{Reason: TransportClose, Cause: fmt.Errorf("websocket: close frame %d %q", code, payload[2:])}
	}
	return nil
}

// send sends one Socket.IO packet and its attachments, which no other packet
// may separate.
func (w *websocket) send(packet []byte, attachments ...[]byte) error {
	scratch := scratchPool.Get().(*[]byte)
	*scratch = (*scratch)[:0]
	if packet != nil {
		*scratch = appendFrame(*scratch, opText, "4", packet)
	}
	for _, a := range attachments {
		*scratch = appendFrame(*scratch, opBinary, "", a)
	}
	err := w.sendFrames(*scratch)
	putScratch(scratch)
	return err
}

// pong answers the engine's ping.
func (w *websocket) pong() error { return w.sendFrames(appendFrame(nil, opText, "3", nil)) }

// sendFrames hands whole frames to the kernel, as far as it takes them without
// waiting; what remains goes to the queue, and a goroutine that lives until the
// queue is empty waits for the kernel.
func (w *websocket) sendFrames(b []byte) error {
	broken, err := w.offer(b)
	if broken != nil {
		if !w.probe {
			w.c.finish(&CloseError{Reason: TransportError, Cause: broken})
		}
		return broken
	}
	return err
}

// offer is sendFrames; broken is the failure of the connection.
func (w *websocket) offer(b []byte) (broken, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	if w.flushing {
		if w.writing+len(w.queue)+len(b) > w.c.maxQueue {
			return nil, ErrBackpressure
		}
		w.queue = append(w.queue, b...)
		return nil, nil
	}
	n, err := w.conn.writeNow(b)
	if err != nil {
		w.closed = true
		return err, nil
	}
	if n == len(b) {
		return nil, nil
	}
	if n == 0 && len(b) > w.c.maxQueue {
		return nil, ErrBackpressure
	}
	if !w.c.start(w.flush) {
		return nil, ErrClosed
	}
	w.queue, w.flushing = append(w.queue, b[n:]...), true
	return nil, nil
}

// flush empties the queue and ends.
func (w *websocket) flush() {
	var chunk []byte
	for {
		w.mu.Lock()
		if len(w.queue) == 0 || w.closed {
			w.queue, w.flushing, w.writing = nil, false, 0
			w.mu.Unlock()
			return
		}
		chunk, w.queue = w.queue, chunk[:0]
		w.writing = len(chunk)
		w.mu.Unlock()
		if _, err := w.conn.Write(chunk); err != nil {
			w.mu.Lock()
			alone := w.closed || w.probe
			w.closed = true
			w.mu.Unlock()
			if !alone {
				w.c.finish(&CloseError{Reason: TransportError, Cause: err})
			}
		}
	}
}

// goodbyeTime is how long a TLS connection may hold up a Close.
const goodbyeTime = 100 * time.Millisecond

// shut stops all sending. Unless the connection is busy, it writes the last
// frames that are given, without waiting for the network.
func (w *websocket) shut(last []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	if w.flushing || len(last) == 0 || w.probe {
		return
	}
	if w.conn.raw != nil {
		_, _ = w.conn.writeNow(last)
		return
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(goodbyeTime))
	_, _ = w.conn.Write(last)
}
