package client

import (
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// full reports whether a queue takes no more bytes. An empty one takes any packet, or a large one
// could never be sent.
func full(queued, more, most int) bool { return queued > 0 && queued+more > most }

// send sends one Socket.IO packet and its attachments, which no other packet
// may separate.
func (w *websocket) send(packet []byte, attachments ...[]byte) error {
	scratch := scratchPool.Get().(*[]byte)
	*scratch = (*scratch)[:0]
	if packet != nil {
		*scratch = w.appendMessage(*scratch, packet, false)
	}
	for _, a := range attachments {
		*scratch = w.appendMessage(*scratch, a, true)
	}
	err := w.sendFrames(*scratch)
	putScratch(scratch)
	return err
}

// appendMessage appends the frame of a message.
func (w *websocket) appendMessage(dst, data []byte, binary bool) []byte {
	switch {
	case w.quic != nil:
		return engineio.AppendFrame(dst, engineio.Packet{Type: engineio.Message, Binary: binary, Data: data})
	case binary:
		return w.appendData(dst, ws.Binary, w.c.binaryHead(), data)
	}
	return w.appendData(dst, ws.Text, w.c.textHead(), data)
}

// appendData appends a frame of data, compressed if that was agreed on.
func (w *websocket) appendData(dst []byte, op ws.Opcode, prefix string, data []byte) []byte {
	if w.deflate == nil || len(prefix)+len(data) > w.deflate.most {
		return appendFrame(dst, op, prefix, data)
	}
	return ws.AppendDeflated(dst, ws.Header{Opcode: op, Masked: true, Key: newKey()}, []byte(prefix), data)
}

// engine sends a packet of the engine that is no message.
func (w *websocket) engine(t engineio.Type, data string) error {
	if w.quic != nil {
		return w.sendFrames(engineio.AppendFrame(nil, engineio.Packet{Type: t, Data: []byte(data)}))
	}
	return w.sendFrames(appendFrame(nil, ws.Text, string('0'+rune(t)), []byte(data)))
}

// pong answers the engine's ping.
func (w *websocket) pong() error { return w.engine(engineio.Pong, "") }

// sendFrames writes whole frames as far as the kernel takes them without waiting. The rest is
// queued, and a goroutine that lives until the queue is empty waits for the kernel.
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
		if full(w.writing+len(w.queue), len(b), w.c.maxQueue) {
			return nil, ErrBackpressure
		}
		w.queue = append(w.queue, b...)
		w.backlog.add()
		return nil, nil
	}
	n, err := w.conn.writeNow(b)
	if err != nil {
		w.closed = true
		return err, nil
	}
	if n == len(b) && !w.conn.owes() {
		return nil, nil
	}
	if !w.c.start(w.flush) {
		return nil, ErrClosed
	}
	w.queue, w.flushing = append(w.queue, b[n:]...), true
	w.backlog.add()
	return nil, nil
}

// flush empties the queue and ends.
func (w *websocket) flush() {
	var chunk []byte
	for failed := false; ; {
		w.mu.Lock()
		if !failed {
			w.backlog.done()
		}
		if len(w.queue) == 0 && !w.conn.owes() || w.closed {
			w.queue, w.flushing, w.writing = nil, false, 0
			w.mu.Unlock()
			return
		}
		chunk, w.queue = w.queue, chunk[:0]
		w.backlog.take(true)
		w.writing = len(chunk)
		w.mu.Unlock()
		if _, err := w.conn.Write(chunk); err != nil {
			failed = true
			w.mu.Lock()
			alone := w.closed || w.probe
			w.closed = true
			w.mu.Unlock()
			if !alone {
				w.c.finish(closeError(err)) // over WebTransport it may be the end of the session
			}
		}
	}
}

// goodbyeTime is how long a TLS connection may hold up a Close.
const goodbyeTime = 100 * time.Millisecond

// shut stops all sending. Unless the connection is busy or last is nil, it writes the last frames,
// without waiting for the network.
func (w *websocket) shut(last []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	if w.flushing || last == nil || w.probe {
		return
	}
	if w.conn.borrows() {
		_, _ = w.conn.writeNow(last)
		return
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(goodbyeTime))
	if w.quic != nil {
		w.quic.leave(last)
		return
	}
	_, _ = w.conn.Write(last)
}
