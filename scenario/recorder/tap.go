package recorder

import (
	"io"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
)

// tap returns the connection of a websocket to the target with what passes over it looked at.
func (r *Recorder) tap(x *exchange, conn io.ReadWriteCloser) io.ReadWriteCloser {
	t := &tapped{ReadWriteCloser: conn, r: r, x: x, owns: x.session == nil}
	t.up = frames{whole: func(text bool, data []byte) { t.message(true, text, data) }, tooLarge: r.tooLarge}
	t.down = frames{whole: func(text bool, data []byte) { t.message(false, text, data) }, tooLarge: r.tooLarge}
	return t
}

// A tapped connection is read by one goroutine and written by another.
type tapped struct {
	io.ReadWriteCloser
	r        *Recorder
	x        *exchange
	up, down frames
	mu       sync.Mutex // of x.session, which the first packet of the server sets
	owns     bool       // the session ends with it: it has no other connection
	once     sync.Once
}

// Read reads what the server says.
func (t *tapped) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	t.down.take(p[:n])
	return n, err
}

// Write writes what the client says.
func (t *tapped) Write(p []byte) (int, error) {
	t.up.take(p)
	return t.ReadWriteCloser.Write(p)
}

// Close ends the session as well.
func (t *tapped) Close() error {
	t.once.Do(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.x.session != nil && t.owns {
			t.r.end(t.x.session)
		}
	})
	return t.ReadWriteCloser.Close()
}

// message takes in a message of the websocket.
func (t *tapped) message(up, text bool, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := engineio.Packet{Type: engineio.Message, Binary: true, Data: data}
	var err error
	switch {
	case text:
		p, err = engineio.Parse(data)
	case t.x.v3:
		p, err = engineio.ParseBinaryV3(data)
	}
	if err == nil {
		t.owns = t.owns || up && p.Type == engineio.Upgrade
		t.r.packet(t.x, up, p)
		if s := t.x.session; s != nil {
			t.r.mu.Lock()
			s.last = time.Now()
			t.r.mu.Unlock()
		}
	}
}

// frames puts the messages of one direction together. Too large ones are passed over.
type frames struct {
	whole    func(text bool, data []byte)
	tooLarge func() // in the place of whole
	head     []byte // the beginning of a frame whose header is not whole
	h        websocket.Header
	left     uint64 // bytes of the payload of the frame that are still to come
	at       int    // of the payload in the masking key
	inside   bool
	message  []byte
	text     bool
	large    bool
}

// take reads on. p is not changed.
func (f *frames) take(p []byte) {
	for len(p) > 0 {
		if !f.inside {
			n := min(len(p), websocket.MaxHeader-len(f.head))
			f.head = append(f.head, p[:n]...)
			h, size := websocket.ParseHeader(f.head)
			if size == 0 {
				p = p[n:]
				continue
			}
			p = p[size-(len(f.head)-n):] // a header that was not whole before ends within p
			f.head = f.head[:0]
			f.h, f.left, f.at, f.inside = h, h.Length, 0, true
			if h.Opcode == websocket.Text || h.Opcode == websocket.Binary {
				f.message, f.text, f.large = f.message[:0], h.Opcode == websocket.Text, false
			}
		}
		n := int(min(uint64(len(p)), f.left))
		f.payload(p[:n])
		p = p[n:]
		if f.left -= uint64(n); f.left == 0 {
			f.inside = false
			f.end()
		}
	}
}

func (f *frames) control() bool { return f.h.Opcode >= 8 }

// payload keeps a part of a data frame.
func (f *frames) payload(p []byte) {
	if f.control() {
		return
	}
	if len(f.message)+len(p) > maxBody {
		f.large = true
	}
	if f.large {
		return
	}
	from := len(f.message)
	f.message = append(f.message, p...)
	if f.h.Masked {
		for i := range f.message[from:] {
			f.message[from+i] ^= f.h.Key[(f.at+i)%4]
		}
		f.at += len(p)
	}
}

// end ends a frame, and the message that it is the last frame of.
func (f *frames) end() {
	if f.control() || !f.h.Final {
		return
	}
	if f.large {
		f.tooLarge()
	} else {
		f.whole(f.text, f.message)
	}
	if cap(f.message) > 1<<20 {
		f.message = nil
	}
}
