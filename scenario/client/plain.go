package client

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// The baselines: the same work without Socket.IO, against the applications of
// the built-in server that speak them (server/app/plain). A message is a JSON
// list, [event, args...] or [id, event, args...] upwards, [event, data] or
// [id, args...] downwards. Packets given to Send are turned into that, so that
// a runner need not know; handlers get events and acknowledgements as ever.
const (
	PlainWebSocket = "plain-websocket" // one message a text frame
	SSE            = "sse"             // server-sent events down, POST up
	ShortPolling   = "short-polling"   // a GET every Config.Poll, POST up
)

// defaultPoll is the interval of short polling where none is given.
const defaultPoll = time.Second

// plainPostTime is how long a baseline's POST may take: there is no heartbeat to say.
const plainPostTime = 30 * time.Second

func plainTransport(name string) bool {
	return name == PlainWebSocket || name == SSE || name == ShortPolling
}

// plainText turns a packet of the main namespace into a message of a baseline.
func plainText(dst, packet []byte) ([]byte, error) {
	digits := 1
	for digits < len(packet) && packet[digits] >= '0' && packet[digits] <= '9' {
		digits++
	}
	if len(packet) < 2 || packet[0] != '0'+byte(socketio.Event) || digits >= len(packet) || packet[digits] != '[' {
		return dst, fmt.Errorf("%q is not an event of the main namespace, and a baseline carries only these", packet[:min(len(packet), 32)])
	}
	dst = append(dst, '[')
	if digits > 1 {
		dst = append(append(dst, packet[1:digits]...), ',')
	}
	return append(dst, packet[digits+1:]...), nil
}

// plainMessage handles one message of a baseline.
func (c *Client) plainMessage(h Handler, text []byte, came arrival) error {
	if h == nil {
		return protocolError("a message before the session was open")
	}
	if len(text) < 3 || text[0] != '[' || text[len(text)-1] != ']' {
		return &CloseError{Reason: ParseError, Cause: errors.New("a message that is not a JSON list")}
	}
	m := &c.msg
	*m = Message{At: came.at, From: came.from, Until: came.until}
	if text[1] >= '0' && text[1] <= '9' {
		var id []byte
		id, m.Args = socketio.NextArg(text[1 : len(text)-1])
		var err error
		if m.ID, err = strconv.ParseUint(string(id), 10, 64); err != nil {
			return &CloseError{Reason: ParseError, Cause: err}
		}
		m.HasID = true
		h.Ack(m)
		return nil
	}
	var err error
	if m.Name, m.Args, err = socketio.SplitEvent(text); err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	h.Event(m)
	return nil
}

// plain opens a session of a baseline.
func (d *dialing) plain() error {
	c := d.c
	c.plain, c.namespaces = true, nil
	link, err := d.target.connect(d.ctx, &c.bytes, &c.Timings)
	if err != nil {
		return err
	}
	c.adopt(mainSlot, link)
	if d.cfg.Transport == PlainWebSocket {
		c.ws = newWebsocket(c, link)
		release := guard(d.ctx, c)
		defer release()
		began := Now()
		if err := c.ws.handshake(d.target, ""); err != nil {
			return d.fail("open", err)
		}
		c.Timings.Open = Now() - began
		c.ws.rd.park()
		return nil
	}
	p := newPolling(c, d.target, link)
	c.poll = p
	release := guard(d.ctx, c)
	defer release()
	began := Now()
	if d.cfg.Transport == SSE {
		err = p.subscribe()
	} else {
		p.every = d.cfg.Poll
		if p.every <= 0 {
			p.every = defaultPoll
		}
		err = p.enroll()
	}
	if err != nil {
		return d.fail("open", err)
	}
	c.Timings.Open = Now() - began
	p.get.rd.park()
	p.hold = false
	return nil
}

// enroll opens a session of short polling.
func (p *polling) enroll() error {
	if err := p.get.write(p.appendPost(nil, nil)); err != nil {
		return err
	}
	res, err := p.get.answer(p.limit, 200)
	if err != nil {
		return err
	}
	p.sid = string(res.body)
	if p.sid == "" {
		return protocolError("the answer to the first POST has no session id")
	}
	return nil
}

// ask is short polling: a GET every so often until the session ends.
func (p *polling) ask(h Handler) error {
	timer := time.NewTimer(p.every)
	defer timer.Stop()
	for next := Now() + p.every; ; next = max(next+p.every, Now()) {
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-timer.C:
		}
		if !p.get.usable() {
			p.get.close = true // request connects anew
		}
		if err := p.request(p.ctx); err != nil {
			return err
		}
		res, err := p.get.answer(p.limit, 200)
		if err != nil {
			return err
		}
		p.pending = false
		for rest := res.body; len(rest) > 0; {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte{'\n'})
			if len(line) == 0 {
				continue
			}
			if err := p.c.plainMessage(h, line, p.get.rd.arrival()); err != nil {
				return err
			}
		}
		p.get.rd.park()
		timer.Reset(next - Now())
	}
}

// subscribe opens a stream of server-sent events, whose first is the session's id.
func (p *polling) subscribe() error {
	if err := p.get.write(p.appendGet(nil)); err != nil {
		return err
	}
	rd := p.get.rd
	n, err := readHead(rd)
	if err != nil {
		return err
	}
	res, length, err := parseHead(rd.unread()[:n])
	if err != nil {
		return err
	}
	if res.status != 200 {
		return newStatusError(res)
	}
	if length != chunked || !bytes.HasPrefix(res.field("Content-Type"), []byte("text/event-stream")) {
		return protocolError("the answer is not a stream of server-sent events")
	}
	rd.consume(n)
	sid, err := p.nextEvent()
	p.sid = string(sid)
	return err
}

// nextEvent returns the data of the next server-sent event. The built-in server sends one event per
// chunk, and only that form is read: chunk size, "data: ...", an empty line.
func (p *polling) nextEvent() ([]byte, error) {
	rd := p.get.rd
	line, head, err := chunkLine(rd, 0)
	if err != nil {
		return nil, err
	}
	n, ok := number(line, 16)
	switch {
	case !ok:
		return nil, badChunk(line)
	case n == 0:
		return nil, &CloseError{Reason: TransportClose, Cause: errors.New("the server ended the stream")}
	case n > p.limit:
		return nil, &LimitError{What: "message", Limit: p.limit}
	}
	if err := need(rd, head+n+2); err != nil {
		return nil, err
	}
	event := rd.unread()[head : head+n]
	rd.consume(head + n + 2)
	data, isData := bytes.CutPrefix(event, []byte("data: "))
	if !isData || !bytes.HasSuffix(data, []byte("\n\n")) {
		return nil, protocolError("an event that is not one line of data in a chunk")
	}
	return data[:len(data)-2], nil
}

// listen reads server-sent events until the session ends.
func (p *polling) listen(h Handler) error {
	for {
		data, err := p.nextEvent()
		if err != nil {
			return err
		}
		if err := p.c.plainMessage(h, data, p.get.rd.arrival()); err != nil {
			return err
		}
	}
}

// sendPlain queues one message for the next POST.
func (p *polling) sendPlain(packet []byte) error {
	scratch := scratchPool.Get().(*[]byte)
	defer putScratch(scratch)
	text, err := plainText((*scratch)[:0], packet)
	*scratch = text
	if err != nil {
		return err
	}
	return p.enqueue(len(text)+1, func(queue []byte) []byte { return append(append(queue, text...), '\n') })
}

// sendPlain sends one message as a text frame.
func (w *websocket) sendPlain(packet []byte) error {
	scratch := scratchPool.Get().(*[]byte)
	defer putScratch(scratch)
	text, err := plainText((*scratch)[:0], packet)
	*scratch = text
	if err != nil {
		return err
	}
	framed := scratchPool.Get().(*[]byte)
	defer putScratch(framed)
	*framed = w.appendData((*framed)[:0], ws.Text, "", text)
	return w.sendFrames(*framed)
}

// plainPath is where a baseline lives.
func plainPath(transport string) string {
	switch transport {
	case PlainWebSocket:
		return "/plain/ws"
	case SSE:
		return "/plain/sse"
	}
	return "/plain/poll"
}
