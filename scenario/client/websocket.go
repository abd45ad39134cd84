package client

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/engineio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// scratchPool holds the buffers in which packets are framed and fragments are
// put together.
var scratchPool = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch bounds the size of a buffer kept by the pool.
const maxScratch = 64 << 10

func putScratch(b *[]byte) {
	if cap(*b) <= maxScratch {
		*b = (*b)[:0]
		scratchPool.Put(b)
	}
}

// websocket is a connection after the handshake. One goroutine reads it; any
// may send. It is the stream of a WebTransport session too, which differs in the form of its frames
// and in having no control frames.
type websocket struct {
	c     *Client
	conn  *conn
	quic  *quicConn // of WebTransport; nil: a websocket
	rd    *reader   // nil: Readers read it, and none of its bytes wait
	limit int       // bytes of a message

	fragments *[]byte    // a message that arrives in fragments; borrowed
	message   ws.Message // that message
	deflate   *deflate   // nil: messages are not compressed

	mu       sync.Mutex
	queue    []byte // frames that the kernel did not take yet
	writing  int    // bytes that the flushing goroutine has taken from the queue
	backlog  backlog
	flushing bool // a goroutine empties the queue
	closed   bool
	// probe is set while the session does not depend on this connection: its
	// failure is then for the reader alone. Only Dial changes it.
	probe bool
}

func newWebsocket(c *Client, link *conn) *websocket {
	return &websocket{c: c, conn: link, rd: newReader(link), limit: c.maxMessage}
}

// handshake asks for websocket and checks the answer as section 4.1 of RFC 6455
// says.
func (w *websocket) handshake(t *target, sid string) error {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := t.appendRequest(nil, "GET", "websocket", sid, nil)
	request = append(request, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	request = append(request, key...)
	if t.subprotocols != "" {
		request = append(append(request, "\r\nSec-WebSocket-Protocol: "...), t.subprotocols...)
	}
	if t.compress {
		request = append(request, deflateOffer...)
	}
	request = append(request, "\r\n\r\n"...)
	if _, err := w.conn.Write(request); err != nil {
		return err
	}
	res, err := readResponse(w.rd, w.limit, 101)
	if err != nil {
		return err
	}
	t.cookies.take(res.fields)
	if res.status != 101 {
		return newStatusError(res)
	}
	switch {
	case !res.has("Upgrade", "websocket"):
		return protocolError("websocket handshake: the answer has no Upgrade: websocket")
	case !res.has("Connection", "upgrade"):
		return protocolError("websocket handshake: the answer has no Connection: Upgrade")
	case string(res.field("Sec-WebSocket-Accept")) != ws.Accept(key):
		return protocolError("websocket handshake: wrong Sec-WebSocket-Accept")
	}
	if err := w.agree(string(res.field("Sec-WebSocket-Extensions")), t.compress); err != nil {
		return err
	}
	return t.subprotocol(string(res.field("Sec-WebSocket-Protocol")))
}

// refusal returns the error of an HTTP answer behind the 101 where err comes from reading one as a
// frame: official servers refuse some clients so, among them those of a revision that they do not
// speak.
func (w *websocket) refusal(err error) error {
	if !bytes.HasPrefix(w.rd.unread(), []byte("HTTP/1.")) {
		return err
	}
	res, failed := readResponse(w.rd, w.limit, 101)
	if failed != nil {
		return err
	}
	return newStatusError(res)
}

// step reads one message and handles it.
func (w *websocket) step(h Handler) error {
	if w.quic != nil {
		p, err := w.packet()
		if err != nil {
			return err
		}
		return w.c.packet(h, p, w.rd.arrival())
	}
	opcode, payload, err := w.next()
	if err != nil {
		return err
	}
	switch {
	case w.c.plain:
		return w.c.plainMessage(h, payload, w.rd.arrival())
	case w.c.raw:
		return w.c.message(h, payload, opcode == ws.Binary, w.rd.arrival())
	}
	if opcode == ws.Binary && !w.c.old {
		return w.c.message(h, payload, true, w.rd.arrival())
	}
	var p engineio.Packet
	switch {
	case opcode == ws.Binary:
		p, err = engineio.ParseBinaryV3(payload)
	case w.c.old:
		p, err = engineio.ParseV3(payload)
	default:
		p, err = engineio.Parse(payload)
	}
	if err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	return w.c.packet(h, p, w.rd.arrival())
}

// run reads until the session ends.
func (w *websocket) run(h Handler) error {
	for {
		if err := w.step(h); err != nil {
			return err
		}
	}
}

// turn handles what has been read, and with read set one more read, without waiting.
func (w *websocket) turn(h Handler, read bool) error {
	w.rd.may = read
	for {
		err := w.step(h)
		if err == errWait { //nolint:errorlint // it is never wrapped
			w.rd.park()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next whole message. The payload is valid until the next
// call. Frames are taken straight from the read buffer, so a burst of them
// costs one read.
func (w *websocket) next() (opcode ws.Opcode, payload []byte, err error) {
	if w.fragments != nil && !w.message.Open() {
		putScratch(w.fragments)
		w.fragments = nil
	}
	if w.deflate != nil {
		w.deflate.release()
	}
	for {
		f, err := w.frame()
		if err != nil {
			return 0, nil, err
		}
		if f.Opcode.Control() {
			if err := w.control(f.Opcode, f.Payload); err != nil {
				return 0, nil, err
			}
			continue
		}
		whole, err := w.message.Add(f.Header, math.MaxInt32) // the limit of a message bounds them
		if err != nil {
			return 0, nil, w.violation(err)
		}
		if whole && w.fragments == nil {
			payload, err = w.content(f.Payload)
			return f.Opcode, payload, err
		}
		if w.fragments == nil {
			w.fragments = scratchPool.Get().(*[]byte)
		}
		*w.fragments = append(*w.fragments, f.Payload...)
		if whole {
			payload, err = w.content(*w.fragments)
			return w.message.Opcode, payload, err
		}
	}
}

// content is what a whole message says, as it came. A text is UTF-8 (RFC 6455, section 8.1), which
// the parser of Socket.IO checks where there is one.
func (w *websocket) content(message []byte) (_ []byte, err error) {
	if w.message.Compressed {
		if message, err = w.inflate(message); err != nil {
			return nil, err
		}
	}
	if w.message.Opcode == ws.Text && len(w.c.namespaces) == 0 && !utf8.Valid(message) {
		return nil, w.violation(&ws.Error{Code: ws.CodeInvalidData, Text: "text that is not UTF-8"})
	}
	return message, nil
}

// frame takes the next frame off the read buffer, reading as long as it has
// not arrived as a whole.
func (w *websocket) frame() (ws.Frame, error) {
	rules := ws.Rules{MaxPayload: w.limit, Compress: w.deflate != nil}
	if w.fragments != nil {
		rules.MaxPayload -= len(*w.fragments)
	}
	for {
		b := w.rd.unread()
		f, n, err := rules.Next(b)
		if err != nil {
			return f, w.violation(err)
		}
		if n > 0 {
			w.rd.consume(n)
			return f, nil
		}
		if err := w.rd.fill(); err != nil {
			if errors.Is(err, io.EOF) && (len(b) > 0 || w.message.Open()) {
				err = io.ErrUnexpectedEOF
			}
			return f, err
		}
	}
}

// violation answers a broken rule with the close frame that names it.
func (w *websocket) violation(err error) error {
	broken, ok := errors.AsType[*ws.Error](err)
	if !ok {
		return err
	}
	_ = w.sendFrames(appendClose(nil, broken.Code))
	if broken.Code == ws.CodeTooBig {
		return &LimitError{What: "message", Limit: w.limit}
	}
	return err
}

// control handles a control frame.
func (w *websocket) control(opcode ws.Opcode, payload []byte) error {
	switch opcode {
	case ws.Ping:
		// A full queue loses the pong: the peer does not read anyway.
		_ = w.sendFrames(appendFrame(nil, ws.Pong, "", payload))
	case ws.Pong:
		w.echoed(payload)
	case ws.Close:
		code, reason, err := ws.ParseClose(payload)
		if err != nil {
			return w.violation(err)
		}
		_ = w.sendFrames(appendClose(nil, code))
		return w.c.closed(code, reason)
	}
	return nil
}
