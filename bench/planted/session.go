package planted

import (
	"io"
	"net/http"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
)

// A session is one Engine.IO session. Its owner's lock guards it.
type session struct {
	s       *Server
	sid     string
	number  int // of the connection
	sockets map[string]*socket
	decoder socketio.Decoder // of the goroutine that reads; POSTs of a client do not overlap

	// in the order in which they are written; one that waits holds up the others
	queue []item
	later []item       // written when their time has come, whatever stands in the queue
	swaps map[int]item // by sender: held until the sender's next message
	// a probe was answered: polls are released, and what is queued waits for the websocket
	moving bool
	onWS   bool
	over   bool
	cut    bool // the connection broke: nobody says goodbye

	wake chan struct{}
	gone chan struct{} // closed at the end
}

// An item is the packets of one message.
type item struct {
	packets []engineio.Packet
	at      time.Time // not before
	since   time.Time
	timed   bool // how long it waited is in the log
	ping    bool
	plant   *Plant
}

// swapTime is for streams that send several messages a second.
const swapTime = 500 * time.Millisecond

func (sess *session) handshake(upgrades ...string) engineio.Packet {
	h := engineio.Handshake{SID: sess.sid, Upgrades: upgrades, PingInterval: sess.s.opt.Ping, PingTimeout: 20 * time.Second, MaxPayload: maxPayload}
	return engineio.Packet{Type: engineio.Open, Data: h.AppendJSON(nil)}
}

// nudge wakes the goroutine that writes. The lock is held.
func (sess *session) nudge() {
	select {
	case sess.wake <- struct{}{}:
	default:
	}
}

func (sess *session) enqueue(it item) {
	sess.queue = append(sess.queue, it)
	sess.nudge()
}

// take returns what is to be written now, and when there may be more. The lock is held.
func (sess *session) take(now time.Time) (out []engineio.Packet, next time.Time) {
	if until := sess.s.stalled; now.Before(until) {
		return nil, until
	}
	next = now.Add(time.Minute)
	kept := sess.later[:0]
	for _, it := range sess.later {
		switch {
		case now.Before(it.at):
			if it.at.Before(next) {
				next = it.at
			}
			kept = append(kept, it)
		case it.ping:
			out = append(out, engineio.Packet{Type: engineio.Ping})
			it.at = now.Add(sess.s.opt.Ping)
			kept = append(kept, it)
		default:
			out = append(out, sess.written(&it, now)...)
		}
	}
	sess.later = kept
	for sender, it := range sess.swaps {
		switch {
		case now.Before(it.at):
			if it.at.Before(next) {
				next = it.at
			}
		default:
			sess.s.unplant(it.plant)
			delete(sess.swaps, sender)
			out = append(out, sess.written(&it, now)...)
		}
	}
	for len(sess.queue) > 0 {
		it := &sess.queue[0]
		if now.Before(it.at) {
			if it.at.Before(next) {
				next = it.at
			}
			break
		}
		out = append(out, sess.written(it, now)...)
		sess.queue = sess.queue[1:]
	}
	return out, next
}

// written notes how long a message has waited.
func (sess *session) written(it *item, now time.Time) []engineio.Packet {
	if it.timed {
		sess.s.log.Waits = append(sess.s.log.Waits, now.Sub(it.since))
	}
	if it.plant != nil && it.plant.Kind != Swap {
		it.plant.Held = max(it.plant.Held, now.Sub(it.since))
	}
	return it.packets
}

// wait returns what is to be written as soon as there is something; nil: the session is over, or
// polls have to end since the session moves to websocket. left, if given, is closed when the client
// has given the request up.
func (sess *session) wait(poll bool, left <-chan struct{}) []engineio.Packet {
	for {
		sess.s.mu.Lock()
		if sess.over || poll && (sess.moving || sess.onWS) {
			sess.s.mu.Unlock()
			return nil
		}
		out, next := sess.take(time.Now())
		sess.s.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-sess.wake:
		case <-sess.gone:
		case <-timer.C:
		case <-left:
			sess.s.mu.Lock()
			sess.end(true)
			sess.s.mu.Unlock()
		}
		timer.Stop()
	}
}

// poll answers one GET. A client that closes its connection meanwhile has gone.
func (sess *session) poll(w http.ResponseWriter, r *http.Request) {
	out := sess.wait(true, r.Context().Done())
	sess.s.mu.Lock()
	cut := sess.cut
	sess.s.mu.Unlock()
	if cut {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if len(out) == 0 {
		out = []engineio.Packet{{Type: engineio.Noop}}
	}
	var body []byte
	for _, p := range out {
		body = engineio.AppendPayload(body, p)
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	_, _ = w.Write(body)
}

// post takes in one POST.
func (sess *session) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err != nil {
		return
	}
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	payload := engineio.NewPayload(body)
	for payload.Next() {
		if err = sess.packet(payload.Packet()); err != nil {
			break
		}
	}
	switch {
	case sess.cut:
		refuse(w, engineio.UnknownSID)
		return
	case err != nil || payload.Err() != nil: // as the official server: the next poll brings the end
		sess.enqueue(item{packets: []engineio.Packet{{Type: engineio.Close}}})
	}
	_, _ = io.WriteString(w, "ok")
}

// packet takes in one packet. The lock is held.
func (sess *session) packet(p engineio.Packet) error {
	switch p.Type {
	case engineio.Close:
		sess.end(false)
	case engineio.Message:
		return sess.message(p)
	}
	return nil
}

// message takes in one Socket.IO message, or a part of one.
func (sess *session) message(p engineio.Packet) error {
	var pk *socketio.Packet
	var err error
	if p.Binary {
		pk, err = sess.decoder.Binary(p.Data)
	} else {
		pk, err = sess.decoder.Text(p.Data)
	}
	if err != nil || pk == nil {
		return err
	}
	return sess.handle(pk)
}

// end ends the session: cut says that the connection breaks without a word. The lock is held.
func (sess *session) end(cut bool) {
	if sess.over {
		return
	}
	sess.over, sess.cut = true, cut
	delete(sess.s.sessions, sess.sid)
	for _, sock := range sess.sockets {
		sess.s.leave(sock, true)
	}
	for _, it := range sess.swaps {
		sess.s.unplant(it.plant)
	}
	for _, it := range sess.later {
		if it.plant != nil {
			sess.s.unplant(it.plant)
		}
	}
	close(sess.gone)
}
