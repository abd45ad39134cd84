package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// upgrade moves the session from polling to websocket or WebTransport, as the official client
// does: a GET is pending while the new connection is probed; when the server
// has answered the probe, no new request is made, the GET is awaited, which the
// server releases, and the upgrade packet ends it.
//
// A failure before the upgrade packet leaves the session on polling and is kept in UpgradeErr; a
// returned error ends the Dial.
func (d *dialing) upgrade(quic bool) error {
	c, p := d.c, d.c.poll
	to, probe := WebSocket, d.probe
	if quic {
		to, probe = WebTransport, d.probeQUIC
	}
	if !slices.Contains(p.upgrades, to) {
		c.UpgradeErr = &DialError{Stage: "upgrade", Class: "protocol", Err: notOffered(to)}
		p.release()
		return nil
	}
	// A ping that arrives during the probe is answered when it is over, so it
	// must be over well before the server gives up.
	limit := d.cfg.UpgradeTimeout
	if limit == 0 {
		limit = defaultUpgradeTimeout
	}
	if c.pingTimeout > 0 {
		limit = min(limit, c.pingTimeout*3/4)
	}
	ctx, cancel := context.WithTimeout(d.ctx, limit)
	defer cancel()
	release := guard(ctx, c)
	defer release()

	began := Now()
	if err := p.request(ctx); err != nil {
		return dialError(ctx, "upgrade", err)
	}
	w, err := probe(ctx)
	if err == nil {
		fatal := false
		if fatal, err = d.pause(ctx, w); fatal {
			return dialError(ctx, "upgrade", err)
		}
	}
	if err != nil {
		c.UpgradeErr = dialError(ctx, "upgrade", err)
		if w != nil {
			w.shut(nil)
		}
		c.abandon(sideSlot)
		if d.ctx.Err() != nil {
			return d.fail("upgrade", d.ctx.Err())
		}
		p.release()
		return nil
	}
	if err := w.engine(engineio.Upgrade, ""); err != nil {
		return dialError(ctx, "upgrade", err)
	}
	c.Timings.Upgrade = Now() - began
	return d.move(w)
}

// probe opens the websocket and sees the probe answered. The websocket is
// returned with an error too, if it came to be.
func (d *dialing) probe(ctx context.Context) (*websocket, error) {
	c := d.c
	link, err := d.target.connect(ctx, &c.bytes, nil)
	if err != nil {
		return nil, err
	}
	c.adopt(sideSlot, link)
	w := newWebsocket(c, link)
	w.probe = true
	if err := w.handshake(d.target, c.poll.sid); err != nil {
		return w, err
	}
	if err := w.engine(engineio.Ping, "probe"); err != nil {
		return w, err
	}
	opcode, payload, err := w.next()
	if err != nil {
		return w, err
	}
	if opcode != ws.Text || string(payload) != "3probe" {
		return w, protocolError("the probe was not answered with 3probe")
	}
	return w, nil
}

// probeQUIC is probe for WebTransport.
func (d *dialing) probeQUIC(ctx context.Context) (*websocket, error) {
	link, _, err := d.target.connectQUIC(ctx, d.cfg, d.c)
	if err != nil {
		return nil, err
	}
	w := d.adoptQUIC(sideSlot, link)
	w.probe = true
	sid := socketio.AppendString([]byte(`{"sid":`), d.c.poll.sid)
	if err := w.engine(engineio.Open, string(append(sid, '}'))); err != nil {
		return w, err
	}
	if err := w.engine(engineio.Ping, "probe"); err != nil {
		return w, err
	}
	p, err := w.packet()
	if err != nil {
		return w, err
	}
	if p.Type != engineio.Pong || string(p.Data) != "probe" {
		return w, protocolError("the probe was not answered with 3probe")
	}
	return w, nil
}

// pause waits for the pending GET. A failure of polling itself is fatal; not
// so a GET that the server did not release in time.
func (d *dialing) pause(ctx context.Context, w *websocket) (fatal bool, err error) {
	if err := d.c.poll.step(ctx, nil); err != nil {
		return !isTimeout(err), err
	}
	// The server may have dropped the probe meanwhile.
	if _, err := w.rd.fillNow(); err != nil {
		return false, err
	}
	return false, nil
}

// move makes w the session's transport.
func (d *dialing) move(w *websocket) error {
	c, p := d.c, d.c.poll
	p.mu.Lock()
	owed := len(p.queue) > 0 // only pongs can wait: Dial has not returned
	p.queue, p.closed = nil, true
	p.mu.Unlock()
	p.stop()
	c.mu.Lock()
	c.ws, c.poll = w, nil
	old := c.links[mainSlot]
	c.links = [2]*conn{w.conn, nil}
	c.mu.Unlock()
	w.mu.Lock()
	w.probe = false // from now on its failure ends the session, as c.ws shows
	w.mu.Unlock()
	_ = old.hardClose()
	if owed {
		if err := w.pong(); err != nil {
			return d.fail("upgrade", err)
		}
	}
	w.rd.park()
	return nil
}

// notOffered says that there is nothing to upgrade to.
func notOffered(transport string) error {
	return fmt.Errorf("the server's handshake offers no upgrade to %s", transport)
}
