package client

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

// batch is how many of the longest messages the body of one poll may have: a server sends what has
// gathered since the last one.
const batch = 8

// Slots of a client's connections.
const (
	mainSlot = 0 // websocket, or the GETs of polling
	sideSlot = 1 // the POSTs of polling, or the probe of an upgrade
)

// polling is a session on HTTP long-polling. The reading goroutine keeps one
// GET pending on its own connection. POSTs go over a second connection, which
// is opened when the first is due, by a goroutine that lives as long as there
// is something to send; whatever has gathered meanwhile makes the next body.
type polling struct {
	c      *Client
	target *target
	limit  int           // bytes of a body
	every  time.Duration // of short polling; 0: of none
	events *events       // of a stream of server-sent events; nil: of none

	// Lifetime of the connections that are opened after Dial.
	ctx  context.Context //nolint:containedctx // cancelled by the client's end
	stop context.CancelFunc

	sid        string
	upgrades   []string
	maxPayload int

	get     *httpConn
	pending bool // a GET was written and is not answered

	count atomic.Uint64 // of requests, for the cache buster
	beat  atomic.Bool   // a pong is in the queue

	postMu sync.Mutex // held while post is in use
	post   *httpConn

	mu      sync.Mutex
	queue   []byte // packets, in the form of a body
	posting bool   // a goroutine empties the queue
	writing int    // bytes of the body under way
	backlog backlog
	hold    bool // Dial is not over: no goroutine posts
	running bool // Run has begun: get and pending are its own
	closed  bool

	parting time.Duration // how long the last POST may take
}

// partingTime is the default of parting. A client on a server that hangs holds up the end of a
// trial for so long.
const partingTime = 250 * time.Millisecond

func newPolling(c *Client, t *target, link *conn) *polling {
	ctx, stop := context.WithCancel(context.Background())
	return &polling{
		c: c, target: t, limit: c.maxMessage, hold: true, ctx: ctx, stop: stop, get: newHTTPConn(link, t), parting: partingTime,
	}
}

// appendGet appends the next poll. The parameter t, new each time, keeps
// caches from answering it.
func (p *polling) appendGet(dst []byte) []byte {
	dst = p.appendHead(dst, "GET")
	return append(dst, "\r\n"...)
}

func (p *polling) appendHead(dst []byte, method string) []byte {
	var buf [16]byte
	t := strconv.AppendUint(buf[:0], uint64(start.UnixMilli())+p.count.Add(1), 36)
	return p.target.appendRequest(dst, method, "polling", p.sid, t)
}

// appendPost appends a POST of body.
func (p *polling) appendPost(dst, body []byte) []byte {
	dst = p.appendHead(dst, "POST")
	if p.c.old {
		scratch := scratchPool.Get().(*[]byte)
		defer putScratch(scratch)
		*scratch = appendBodyV3((*scratch)[:0], body)
		body = *scratch
	}
	dst = append(dst, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

// connect opens one more connection of the session.
func (p *polling) connect(ctx context.Context, slot int) (*httpConn, error) {
	link, err := p.target.connect(ctx, &p.c.bytes, nil)
	if err != nil {
		return nil, err
	}
	p.c.adopt(slot, link)
	return newHTTPConn(link, p.target), nil
}

// renew replaces the connection of the GETs if the server ends it after its last answer. That takes
// no longer than the next ping may.
func (p *polling) renew(ctx context.Context) error {
	if !p.get.close {
		return nil
	}
	if c := p.c; c.running && c.pingInterval > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.lastPing+c.pingInterval+c.pingTimeout-Now())
		defer cancel()
	}
	_ = p.get.conn.hardClose() // a server that only says that it will would keep it
	link, err := p.connect(ctx, mainSlot)
	if err != nil {
		return err
	}
	p.get = link
	if p.c.running {
		p.get.rd.late, p.get.rd.pace, p.get.rd.dials = p.c.late, p.c.pace, false
		p.c.arm()
	}
	return nil
}

// request writes a GET unless one is pending.
func (p *polling) request(ctx context.Context) error {
	if p.pending {
		return nil
	}
	if err := p.renew(ctx); err != nil {
		return err
	}
	scratch := scratchPool.Get().(*[]byte)
	*scratch = p.appendGet((*scratch)[:0])
	err := p.get.write(*scratch)
	putScratch(scratch)
	p.pending = err == nil
	return err
}

// collect waits for the pending GET and handles its packets.
func (p *polling) collect(h Handler) error {
	res, err := p.get.answer(p.limit, 200)
	if err != nil {
		return err
	}
	p.pending = false
	payload := p.c.payload(&res)
	return p.deliver(h, &payload)
}

// deliver handles the packets of a body.
func (p *polling) deliver(h Handler, payload *payload) error {
	for payload.next() {
		if err := p.c.packet(h, payload.packet(), p.get.rd.arrival()); err != nil {
			return err
		}
	}
	if err := payload.err(); err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	return nil
}

// step is one GET, or the rest of one that is pending. It is made once more like other requests:
// see transact. Clients wait on this stack.
func (p *polling) step(ctx context.Context, h Handler) error {
	var first error
	for {
		err := p.request(ctx)
		if err == nil {
			err = p.collect(h)
		}
		switch {
		case first != nil && err != nil && p.get.idle == 0:
			return first
		case first != nil || !p.outlived(ctx, err):
			return err
		}
		first = err
	}
}

// againTime is how long it may take to connect for a request that is made once more: a server that
// has only closed an idle connection is there, and the end of any other has to be told soon.
const againTime = time.Second

// outlived reports whether a request on the connection of the GETs has failed since the server had
// closed that while it was idle, and there is another one. Its first answer shows in idle.
func (p *polling) outlived(ctx context.Context, err error) bool {
	if p.get.idle == 0 || !wasClosed(err) || ctx.Err() != nil {
		return false
	}
	p.get.close, p.pending = true, false
	ctx, cancel := context.WithTimeout(ctx, againTime)
	defer cancel()
	return p.renew(ctx) == nil
}

// run polls until the session ends.
func (p *polling) run(h Handler) error {
	for {
		if err := p.step(p.ctx, h); err != nil {
			return err
		}
	}
}

// exchange posts a body on the idle connection of the GETs. Dial does so, and
// opens no second connection, which a client that only listens hardly needs.
func (p *polling) exchange(ctx context.Context, body []byte) error {
	err := p.exchangeOnce(ctx, body)
	if p.outlived(ctx, err) {
		if failed := p.exchangeOnce(ctx, body); failed == nil || p.get.idle > 0 {
			return failed
		}
	}
	return err
}

func (p *polling) exchangeOnce(ctx context.Context, body []byte) error {
	if err := p.renew(ctx); err != nil {
		return err
	}
	if err := p.get.write(p.appendPost(nil, body)); err != nil {
		return err
	}
	_, err := p.get.answer(p.limit, 200)
	return err
}

// drain posts the packets queued during Dial: pongs.
func (p *polling) drain(ctx context.Context) error {
	p.mu.Lock()
	body := p.queue
	p.queue, p.backlog = nil, backlog{}
	p.mu.Unlock()
	if len(body) == 0 {
		return nil
	}
	return p.exchange(ctx, body)
}

// send queues one Socket.IO packet and its attachments.
func (p *polling) send(packet []byte, attachments ...[]byte) error {
	size := len(packet) + 2
	for _, a := range attachments {
		size += (len(a)+2)/3*4 + 2
	}
	return p.enqueue(size, func(queue []byte) []byte {
		if packet != nil {
			queue = engineio.AppendPayload(queue, engineio.Packet{Type: engineio.Message, Data: packet})
		}
		for _, a := range attachments {
			queue = engineio.AppendPayload(queue, engineio.Packet{Type: engineio.Message, Binary: true, Data: a})
		}
		return queue
	})
}

// pong answers the engine's ping.
func (p *polling) pong() error {
	p.beat.Store(true)
	return p.enqueue(0, func(queue []byte) []byte {
		return engineio.AppendPayload(queue, engineio.Packet{Type: engineio.Pong})
	})
}

// enqueue lets add append packets of at most size bytes to the queue and sees
// to it that they are posted.
func (p *polling) enqueue(size int, add func([]byte) []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if full(p.writing+len(p.queue), size, p.c.maxQueue) {
		return ErrBackpressure
	}
	p.queue = add(p.queue)
	p.backlog.add()
	if !p.posting && !p.hold {
		flush := p.flush
		if p.events != nil {
			flush = p.flushRequests
		}
		if !p.c.start(flush) {
			return ErrClosed
		}
		p.posting = true
	}
	return nil
}

// flush posts the queue until it is empty and ends.
func (p *polling) flush() {
	p.postMu.Lock()
	defer p.postMu.Unlock()
	scratch := scratchPool.Get().(*[]byte)
	defer putScratch(scratch)
	for failed := false; ; {
		p.mu.Lock()
		if !failed {
			p.backlog.done()
		}
		if len(p.queue) == 0 || p.closed {
			p.posting, p.writing = false, 0
			p.mu.Unlock()
			return
		}
		body := p.queue[:p.fit()]
		p.writing = len(body)
		*scratch = p.appendPost((*scratch)[:0], body)
		if rest := p.queue[len(body):]; len(rest) > 0 {
			p.queue = append(p.queue[:0], rest[1:]...) // without the separator
		} else {
			p.queue = nil
		}
		p.backlog.take(p.queue == nil)
		p.mu.Unlock()
		beat, began := p.beat.Swap(false), Now()
		if err := p.roundTrip(*scratch); err != nil {
			failed = true
			p.c.finish(closeError(err))
		} else if heart := p.c.beats(); beat && heart != nil {
			heart.RTT(Now() - began)
		}
	}
}

// fit returns how many bytes of the queue make the next body: as many whole
// packets as maxPayload allows, at least one.
func (p *polling) fit() int {
	if p.maxPayload <= 0 || len(p.queue) <= p.maxPayload && !p.c.old {
		return len(p.queue)
	}
	if p.c.old {
		return fitV3(p.queue, p.maxPayload)
	}
	if i := bytes.LastIndexByte(p.queue[:p.maxPayload+1], engineio.Separator); i >= 0 {
		return i
	}
	if i := bytes.IndexByte(p.queue, engineio.Separator); i >= 0 {
		return i
	}
	return len(p.queue)
}

// roundTrip posts one request.
func (p *polling) roundTrip(request []byte) error {
	// A server that does not answer a POST within the time of a heartbeat
	// has dropped the session.
	within := p.c.pingInterval + p.c.pingTimeout
	if p.c.plain {
		within = plainPostTime
	}
	_, err := p.transact(request, within, 200)
	if p.post != nil {
		p.post.rd.park()
	}
	return err
}

// release lets packets be posted from now on: Dial is over.
func (p *polling) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = false
	if len(p.queue) > 0 && !p.posting && !p.closed {
		p.posting = p.c.start(p.flush)
	}
}

// claim gives get and pending to Run, unless the session is over.
func (p *polling) claim() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = !p.closed
	return p.running
}

// drop gives the read buffers back, when a goodbye that is being said on one of the connections has
// been.
func (p *polling) drop() {
	p.mu.Lock()
	p.get.rd.end()
	p.mu.Unlock()
	p.postMu.Lock()
	defer p.postMu.Unlock()
	if p.post != nil {
		p.post.rd.end()
	}
}

// shut stops all sending. Unless a POST is under way, it posts a last body.
func (p *polling) shut(last []byte) {
	p.stop()
	p.mu.Lock()
	idle := !p.posting && !p.closed && len(last) > 0
	p.closed = true
	if idle && !p.running && !p.pending {
		p.part(p.get, last)
		idle = false
	}
	p.mu.Unlock()
	if !idle {
		return
	}
	p.postMu.Lock()
	defer p.postMu.Unlock()
	p.part(p.post, last)
}

// part posts a last body on a connection that is idle, or on a new one where the server has closed
// it. It waits a while for the answer: proxies drop a request of which the client is gone, and the
// server would keep the session until it times out.
func (p *polling) part(h *httpConn, last []byte) {
	deadline := time.Now().Add(p.parting)
	say := func(h *httpConn) error {
		_ = h.conn.SetDeadline(deadline)
		err := h.write(p.appendPost(nil, last))
		if err == nil {
			_, err = h.answer(p.limit, 200)
		}
		h.rd.park()
		return err
	}
	if h.usable() && !wasClosed(say(h)) {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	link, err := p.target.connect(ctx, &p.c.bytes, nil)
	if err != nil {
		return // there is no server to tell
	}
	defer link.hardClose()
	_ = say(newHTTPConn(link, p.target))
}
