package planted

import (
	"net"
	"net/http"
	"strings"

	"github.com/throng-io/throng/protocol/engineio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// websocket makes the request's connection a websocket of the session. probe says that the session
// is on polling.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request, sess *session, probe bool) {
	key := r.Header.Get("Sec-WebSocket-Key")
	hijacker, ok := w.(http.Hijacker)
	if key == "" || !ok || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		refuse(w, engineio.BadRequest)
		return
	}
	conn, rw, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	unread, _ := rw.Peek(rw.Reader.Buffered())
	l := &link{sess: sess, conn: conn, in: append([]byte(nil), unread...), rules: ws.Rules{Masked: true, MaxPayload: maxPayload}}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ws.Accept(key) + "\r\n\r\n"
	if _, err := conn.Write([]byte(answer)); err != nil {
		return
	}
	s.life.Go(func() { // what ends the session ends the connection
		<-sess.gone
		s.mu.Lock()
		cut := sess.cut
		s.mu.Unlock()
		if !cut {
			_, _ = conn.Write(appendFrame(nil, ws.Close, nil))
		}
		_ = conn.Close()
	})
	if !probe {
		s.mu.Lock()
		sess.onWS = true
		s.mu.Unlock()
		if l.write([]engineio.Packet{sess.handshake()}) != nil {
			l.fail()
			return
		}
		s.life.Go(l.writeAll)
	}
	l.read(probe)
}

// A link is one websocket.
type link struct {
	sess  *session
	conn  net.Conn
	in    []byte
	rules ws.Rules
}

// read takes in what the client sends until the connection ends.
func (l *link) read(probe bool) {
	var whole []byte
	var message ws.Message
	for {
		f, err := l.frame()
		if err != nil {
			break
		}
		if f.Opcode == ws.Close {
			break
		}
		if f.Opcode.Control() {
			continue
		}
		done, err := message.Add(f.Header, ws.MaxFragments)
		if err != nil {
			break
		}
		if whole = append(whole, f.Payload...); !done {
			continue
		}
		if probe, err = l.message(message.Opcode, whole, probe); err != nil {
			break
		}
		whole = whole[:0]
	}
	if probe { // the session goes on over polling
		l.sess.s.mu.Lock()
		l.sess.moving = false
		l.sess.s.mu.Unlock()
		return
	}
	l.fail()
}

// fail ends the session since its connection has ended.
func (l *link) fail() {
	l.sess.s.mu.Lock()
	defer l.sess.s.mu.Unlock()
	l.sess.end(true)
}

// message takes in one message. It returns whether the link is still a probe.
func (l *link) message(op ws.Opcode, b []byte, probe bool) (bool, error) {
	p := engineio.Packet{Type: engineio.Message, Binary: true, Data: b}
	if op == ws.Text {
		var err error
		if p, err = engineio.Parse(b); err != nil {
			return probe, err
		}
	}
	s := l.sess.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !probe:
		return false, l.sess.packet(p)
	case p.Type == engineio.Ping:
		l.sess.moving = true
		l.sess.nudge()
		_, err := l.conn.Write(appendFrame(nil, ws.Text, []byte("3probe")))
		return true, err
	case p.Type == engineio.Upgrade:
		l.sess.moving, l.sess.onWS = false, true
		s.life.Go(l.writeAll)
		return false, nil
	}
	return true, nil
}

// frame returns the next frame.
func (l *link) frame() (ws.Frame, error) {
	for {
		f, n, err := l.rules.Next(l.in)
		if err != nil || n > 0 {
			l.in = l.in[n:]
			return f, err
		}
		l.in = append([]byte(nil), l.in...)
		chunk := make([]byte, 16<<10)
		got, err := l.conn.Read(chunk)
		if got == 0 && err != nil {
			return f, err
		}
		l.in = append(l.in, chunk[:got]...)
	}
}

// writeAll writes what is queued until the session is over.
func (l *link) writeAll() {
	for {
		out := l.sess.wait(false, nil)
		if out == nil {
			return
		}
		if err := l.write(out); err != nil {
			l.fail()
			return
		}
	}
}

func (l *link) write(packets []engineio.Packet) error {
	var b []byte
	for _, p := range packets {
		if p.Binary {
			b = appendFrame(b, ws.Binary, p.Data)
		} else {
			b = appendFrame(b, ws.Text, p.AppendText(nil))
		}
	}
	_, err := l.conn.Write(b)
	return err
}

func appendFrame(dst []byte, op ws.Opcode, payload []byte) []byte {
	dst = ws.Header{Opcode: op, Final: true, Length: uint64(len(payload))}.Append(dst)
	return append(dst, payload...)
}
