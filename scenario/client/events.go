package client

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A stream of server-sent events: section 9.2 of the HTML standard. The reading goroutine reads the
// answer to one GET for as long as the session lasts. What the client sends are HTTP requests over
// a second connection, one after the other; their answers come to the handler on the reading
// goroutine, which they wake.

// events is what such a client has beside the two connections of polling.
type events struct {
	left   int  // bytes of the chunk that are not read; of a body without chunks: no limit
	chunks bool // the body has them
	first  bool // nothing of the body has been read
	begun  bool // its first line has been read
	cr     bool // the last line ended with a carriage return, whose line feed may follow
	line   []byte
	data   []byte // of the event that is being read, with a line feed behind each line
	some   bool   // it has data
	name   []byte // of the event that is being read
	retry  time.Duration

	mu      sync.Mutex
	answers []answered // of requests, for the reading goroutine
}

// answered is the answer to a request.
type answered struct {
	id     uint64
	hasID  bool
	status int
	err    error
	body   []byte
	at     time.Duration
}

// endless is how much is left of a body that ends with the connection.
const endless = 1 << 62

// events opens the stream.
func (d *dialing) events() error {
	c := d.c
	link, err := d.target.connect(d.ctx, &c.bytes, &c.Timings)
	if err != nil {
		return err
	}
	c.adopt(mainSlot, link)
	p := newPolling(c, d.target, link)
	p.events = &events{first: true}
	c.poll = p
	release := guard(d.ctx, c)
	defer release()
	began := Now()
	if err := p.get.write(p.appendStream(nil, d.cfg.Recover.Offset)); err != nil {
		return d.fail("open", err)
	}
	p.pending = true // as long as the stream lasts
	if err := p.openStream(); err != nil {
		return d.fail("open", err)
	}
	c.Timings.Open = Now() - began
	c.offset = append(c.offset, d.cfg.Recover.Offset...)
	c.recovered = d.cfg.Recover.Offset != ""
	p.get.rd.park()
	p.hold = false
	return nil
}

// appendStream appends the request of the stream.
func (p *polling) appendStream(dst []byte, last string) []byte {
	dst = p.target.appendRequest(dst, "GET", "", "", nil)
	dst = append(dst, "Accept: text/event-stream\r\nCache-Control: no-store\r\n"...)
	if last != "" {
		dst = append(append(append(dst, "Last-Event-ID: "...), last...), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// openStream reads the head of the answer.
func (p *polling) openStream() error {
	rd := p.get.rd
	n, err := readHead(rd)
	if err != nil {
		return err
	}
	res, length, err := parseHead(rd.unread()[:n])
	if err != nil && (res.status == 0 || res.status == 200) {
		return err
	}
	kind, _, _ := bytes.Cut(res.field("Content-Type"), []byte{';'})
	kind = bytes.ToLower(bytes.TrimSpace(kind))
	if stream := string(kind) == "text/event-stream"; res.status != 200 || !stream {
		named := string(kind)
		if res = readPage(rd, res, n, length); res.status != 200 || isPage(res.body) {
			return newStatusError(res)
		}
		return protocolError(fmt.Sprintf("the answer is of the Content-Type %q, not text/event-stream: %q", named, BodyText(res.body)))
	}
	p.target.cookies.take(res.fields)
	if e := p.events; length == chunked {
		e.chunks = true
	} else if e.left = length; length == untilClose {
		e.left = endless
	}
	rd.consume(n)
	return nil
}

// follow reads the stream until the session ends.
func (p *polling) follow(h Handler) error {
	rd := p.get.rd
	rd.late = func(*reader) error { return p.woken(h) }
	for {
		if err := p.giveAnswers(h); err != nil {
			return err
		}
		if err := p.body(); err != nil {
			return err
		}
		b := rd.unread()
		b = b[:min(len(b), p.events.left)]
		rd.consume(len(b))
		p.events.left -= len(b)
		if err := p.parse(h, b); err != nil {
			return err
		}
	}
}

// woken is called on the reading goroutine when another one has set the deadline: for an answer, or
// to end the session, whose deadline must stay.
func (p *polling) woken(h Handler) error {
	c := p.c
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return ErrClosed
	}
	err := p.get.conn.SetReadDeadline(time.Time{})
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return p.giveAnswers(h)
}

// keepAnswer keeps the answer to a request and wakes the reading goroutine.
func (p *polling) keepAnswer(a answered) {
	p.events.mu.Lock()
	p.events.answers = append(p.events.answers, a)
	p.events.mu.Unlock()
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if p.c.end == nil {
		_ = p.get.conn.SetReadDeadline(past) // a failure shows in the read itself
	}
}

func (p *polling) giveAnswers(h Handler) error {
	p.events.mu.Lock()
	list := p.events.answers
	p.events.answers = nil
	p.events.mu.Unlock()
	for i := range list {
		a := &list[i]
		p.c.msg = Message{Args: a.body, ID: a.id, HasID: a.hasID, Status: a.status, Err: a.err, At: a.at}
		h.Ack(&p.c.msg)
	}
	return nil
}

// body waits for bytes of the stream, past the heads of chunks.
func (p *polling) body() error {
	rd, e := p.get.rd, p.events
	for e.chunks && e.left == 0 {
		at := 0
		if !e.first {
			if err := need(rd, 2); err != nil { // the line end behind the last chunk
				return err
			}
			if b := rd.unread(); b[0] != '\r' || b[1] != '\n' {
				return httpError("chunk without its end")
			}
			at = 2
		}
		line, next, err := chunkLine(rd, at)
		if err != nil {
			return err
		}
		n, ok := chunkSize(line)
		if !ok {
			return badChunk(line)
		}
		if n == 0 {
			return errStreamEnd
		}
		rd.consume(next)
		e.left, e.first = n, false
	}
	if e.left == 0 {
		return errStreamEnd
	}
	return need(rd, 1)
}

var errStreamEnd = &CloseError{Reason: TransportClose, Cause: errors.New("the server ended the stream")}

// byteOrderMark may begin a stream.
var byteOrderMark = []byte("\ufeff")

// parse reads lines, which end with a line feed, a carriage return, or both.
func (p *polling) parse(h Handler, b []byte) error {
	e := p.events
	for len(b) > 0 {
		if e.cr {
			e.cr = false
			if b[0] == '\n' {
				b = b[1:]
				continue
			}
		}
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			if len(e.line)+len(b) > p.limit {
				return &LimitError{What: "event", Limit: p.limit}
			}
			e.line = append(e.line, b...)
			return nil
		}
		line := b[:end]
		if len(e.line) > 0 {
			e.line = append(e.line, line...)
			line = e.line
		}
		e.cr = b[end] == '\r'
		b = b[end+1:]
		if !e.begun {
			e.begun = true
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		err := p.field(h, line)
		if e.line = e.line[:0]; cap(e.line) > maxScratch {
			e.line = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// field handles one line.
func (p *polling) field(h Handler, line []byte) error {
	e := p.events
	if len(line) == 0 {
		p.dispatch(h)
		return nil
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		if len(e.data)+len(value) > p.limit {
			return &LimitError{What: "event", Limit: p.limit}
		}
		e.data, e.some = append(append(e.data, value...), '\n'), true
	case "event":
		e.name = append(e.name[:0], value...)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.c.offset = append(p.c.offset[:0], value...)
		}
	case "retry":
		if ms, ok := number(value, 10); ok {
			e.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}

// plainEvent is the name of an event without one.
var plainEvent = []byte("message")

// dispatch passes the event on, unless it has no data.
func (p *polling) dispatch(h Handler) {
	e := p.events
	if e.some {
		came := p.get.rd.arrival()
		m := &p.c.msg
		*m = Message{Name: plainEvent, Args: e.data[:len(e.data)-1], At: came.at, From: came.from, Until: came.until}
		if len(e.name) > 0 {
			m.Name = e.name
		}
		h.Event(m)
	}
	e.some, e.name = false, e.name[:0]
	if e.data = e.data[:0]; cap(e.data) > maxScratch {
		e.data = nil
	}
}

// sendRequest queues one HTTP request: see [Client.Send].
func (p *polling) sendRequest(packet []byte) error {
	if head, _, ok := bytes.Cut(packet, []byte("\r\n\r\n")); !ok || bytes.IndexByte(head, ' ') < 0 {
		return fmt.Errorf("%q is not a request: METHOD PATH, header fields, an empty line and the body", packet[:min(len(packet), 64)])
	}
	return p.enqueue(len(packet)+requestHead, func(queue []byte) []byte {
		queue = append(queue, byte(len(packet)>>24), byte(len(packet)>>16), byte(len(packet)>>8), byte(len(packet)))
		return append(queue, packet...)
	})
}

// requestHead is the length in front of a request in the queue.
const requestHead = 4

// flushRequests sends the requests of the queue until it is empty and ends.
func (p *polling) flushRequests() {
	p.postMu.Lock()
	defer p.postMu.Unlock()
	var packet []byte
	for {
		p.mu.Lock()
		p.backlog.done() // whatever became of the request: it counts its own errors
		if len(p.queue) == 0 || p.closed {
			p.posting, p.writing = false, 0
			p.mu.Unlock()
			return
		}
		n := int(p.queue[0])<<24 | int(p.queue[1])<<16 | int(p.queue[2])<<8 | int(p.queue[3])
		packet = append(packet[:0], p.queue[requestHead:requestHead+n]...)
		p.writing = requestHead + n
		if rest := p.queue[requestHead+n:]; len(rest) > 0 {
			p.queue = append(p.queue[:0], rest...)
		} else {
			p.queue = nil
		}
		p.backlog.take(p.queue == nil)
		p.mu.Unlock()
		p.exchangeRequest(packet)
	}
}

// exchangeRequest sends one request and keeps its answer for the handler. A failure concerns this
// request alone: the stream may be well.
func (p *polling) exchangeRequest(packet []byte) {
	a := answered{}
	digits := 0
	for digits < len(packet) && packet[digits] >= '0' && packet[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		id, err := strconv.ParseUint(string(packet[:digits]), 10, 64)
		a.id, a.hasID, a.err = id, true, err
	}
	if a.err == nil {
		var res response
		if res, a.err = p.transact(p.completed(nil, packet[digits:]), plainPostTime, anyStatus); a.err == nil {
			a.status, a.body = res.status, slices.Clone(res.body)
		}
		a.at = Now()
		if p.post != nil {
			p.post.rd.park()
		}
	}
	if a.err != nil && p.ctx.Err() != nil {
		return // the session has ended
	}
	if a.hasID || a.err != nil || a.status/100 != 2 {
		p.keepAnswer(a)
	}
}

// completed completes a request with what every one has.
func (p *polling) completed(dst, packet []byte) []byte {
	head, body, _ := bytes.Cut(packet, []byte("\r\n\r\n"))
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	dst = append(append(dst, line...), " HTTP/1.1\r\n"...)
	dst = p.target.appendFields(dst)
	if len(fields) > 0 {
		dst = append(append(dst, fields...), "\r\n"...)
	}
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}
