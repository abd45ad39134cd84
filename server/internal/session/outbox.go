package session

import (
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Send sends one frame: at once if the transport can take it, else from the outbox.
func (s *Session) Send(f *frame.Frame) { s.mu.Deliver(outlet.Alone(f)) }

// Deliver sends frames in order.
func (s *Session) Deliver(b outlet.Batch) { s.mu.Deliver(b) }

// Outlet is the way past the session for messages that go out at once.
func (s *Session) Outlet() *outlet.Outlet { return s.mu }

// owner is a session as its outlet sees it.
type owner Session

// Deliver implements outlet.Owner; the lock is held.
func (o *owner) Deliver(b outlet.Batch, written int) {
	s := (*Session)(o)
	if s.state != open {
		return
	}
	s.counts.sent(b)
	if s.mustQueue() {
		s.enqueue(b.Frames)
		return
	}
	frames, wire := b.Frames, b.Wire
	if s.form != 0 {
		joined := joins.Get().(*[]byte)
		defer joins.Put(joined)
		wire = formed(joined, s.form, frames, wire)
	}
	n, err := written, error(nil)
	if n == 0 {
		n, err = s.conn.TryWrite(wire)
	}
	switch {
	case err != nil:
		s.end(TransportError)
		return
	case n == len(wire):
		s.mu.Open()
		return
	}
	for n >= len(frames[0].In(s.form)) {
		n -= len(frames[0].In(s.form))
		frames = frames[1:]
	}
	s.head = n
	if n > 0 { // begun: volatile or not, the rest of it must follow
		s.out = append(s.out, frames[0])
		s.outBytes += len(frames[0].Wire())
		frames = frames[1:]
	}
	s.enqueue(frames)
}

// mustQueue reports whether what is sent now has to be queued; the lock is held.
func (s *Session) mustQueue() bool {
	return s.conn == nil || s.cfg.KeepWriter || s.flushing || len(s.out) > 0
}

// Write implements outlet.Owner; the lock is held. It is the way of connections with TLS, whose
// outlets are never open.
func (o *owner) Write(wire []byte, packets int) bool {
	s := (*Session)(o)
	if s.state != open || s.form != 0 || s.mustQueue() {
		return false
	}
	n, err := s.conn.TryWrite(wire)
	if err == nil && n < len(wire) {
		o.Deliver(outlet.Alone(frame.Copy(wire, packets)), n)
		return true
	}
	s.counts.PacketsOut += uint64(packets)
	s.counts.BytesOut += uint64(len(wire))
	if err != nil {
		s.end(TransportError)
		return true
	}
	s.mu.Open()
	return true
}

// joins are buffers for frames that are joined in another form than their Wire.
var joins = sync.Pool{New: func() any { return new([]byte) }}

// maxJoin bounds the buffers that are kept.
const maxJoin = 64 << 10

// formed joins frames in a form, unless wire is that: most messages are texts, which are the same
// in all forms.
func formed(buf *[]byte, form frame.Form, frames []*frame.Frame, wire []byte) []byte {
	if len(frames) == 1 {
		return frames[0].In(form)
	}
	same := true
	for _, f := range frames {
		same = same && &f.In(form)[0] == &f.Wire()[0]
	}
	if same {
		return wire
	}
	b := (*buf)[:0]
	for _, f := range frames {
		b = append(b, f.In(form)...)
	}
	if *buf = b; cap(b) > maxJoin {
		*buf = nil
	}
	return b
}

// Queue leaves a frame to the session's writer goroutine.
func (s *Session) Queue(f *frame.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == open {
		s.counts.sent(outlet.Alone(f))
		s.enqueue(f.Alone())
	}
}

// enqueue appends to the outbox and sees to it that somebody empties it.
func (s *Session) enqueue(frames []*frame.Frame) {
	if s.poll != nil { // so nothing is queued
		s.answer(frames, nil)
		return
	}
	for _, f := range frames {
		if f.Volatile() && (s.conn == nil || s.outBytes > 0) { // it would not go out now
			s.counts.dropped(f)
			continue
		}
		size := len(f.Wire())
		// A single message may be larger than the limit: refusing it would make it impossible to
		// send at all.
		if len(s.out) > 0 && (len(s.out) >= s.cfg.MaxPackets || s.outBytes+size > s.cfg.MaxBytes) {
			s.end(SlowConsumer)
			return
		}
		s.out = append(s.out, f)
		s.outBytes += size
	}
	if len(s.out) > 0 {
		s.watch()
	}
	switch {
	case len(s.out) == 0:
	case s.conn == nil: // until the next poll
	case s.wake != nil:
		s.wake.Signal()
	case !s.flushing:
		s.startFlusher()
	}
}

func (s *Session) startFlusher() {
	s.flushing = true
	s.writers.Add(1)
	go s.flush(s.conn)
}

// flush empties the outbox into c. It ends when there is nothing left, or with the session if it is
// a kept writer.
func (s *Session) flush(c Conn) {
	defer s.writers.Done()
	var spare []*frame.Frame
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.wake != nil && len(s.out) == 0 && s.state == open {
			s.wake.Wait()
		}
		if s.state == closed && !s.lingering {
			s.flushing = false
			return
		}
		if len(s.out) == 0 {
			s.flushing = false
			switch {
			case s.lingering:
				s.endLinger(c, nil)
			case s.state == closing:
				s.end(s.reason)
			}
			return
		}
		batch, skip := s.out, s.head
		s.out, s.head = spare[:0], 0
		s.writing = true
		s.mu.Unlock()
		err := c.Write(batch, skip)
		size := 0
		for i, f := range batch {
			size += len(f.Wire())
			batch[i] = nil
		}
		s.mu.Lock()
		s.writing = false
		if s.outBytes -= size; s.outBytes < 0 {
			s.outBytes = 0 // the session ended meanwhile
		}
		if err != nil {
			// it had ended before, or there is more that cannot be written
			if s.end(TransportError); s.lingering {
				s.endLinger(c, err)
			}
			s.flushing = false
			return
		}
		if spare = batch; cap(spare) > maxSpare {
			spare = nil
		}
	}
}

// maxSpare bounds the frames for which a flusher keeps room between batches.
const maxSpare = 1024
