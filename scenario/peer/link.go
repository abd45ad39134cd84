package peer

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/scenario/client"
)

// A link is the way to one peer. What is not guarded is of the goroutine of the mesh.
type link struct {
	m     *Mesh
	id    string
	stop  func()        // ends the clock
	began time.Duration // of the stage that has begun last
	tries *try          // the present connection; nil: none has begun

	mu      sync.Mutex // also held while a message is written, so that its parts stay together
	state   State
	timings Timings
	err     *Error
	open    *try // the connection whose channel is open; nil: messages are relayed
	buf     []byte
}

// signal is the data of p2p:signal.
type signal struct {
	Call        string                     `json:"call"`
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
	Failed      string                     `json:"failed,omitempty"`
}

// emit sends a signal to the peer.
func (l *link) emit(s signal) error {
	type toPeer struct {
		place
		Data signal `json:"data"`
	}
	return l.m.cfg.Emit("p2p:signal", toPeer{place{l.m.cfg.Room, l.id}, s})
}

// begin starts the clock.
func (l *link) begin() {
	l.began = client.Now()
	l.stop = l.m.cfg.After(l.m.cfg.Timeout, func() {
		l.m.do(func() {
			if l.peer().State == Connecting {
				l.fail(l.stage(), errTimeout)
			}
		})
	})
	l.m.cfg.Peer(l.peer())
}

var (
	errTimeout     = errors.New("no end of it in time")
	errNoCandidate = errors.New("there is no address at which the peer could reach this one")
)

func (l *link) stage() string {
	if l.tries == nil {
		return StageSignalling
	}
	return l.tries.stage
}

func (l *link) peer() Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Peer{ID: l.id, State: l.state, Timings: l.timings, Err: l.err}
}

// change sets the state and tells the user.
func (l *link) change(to State, err *Error) {
	l.mu.Lock()
	l.state, l.err = to, err
	if to != Open {
		l.open = nil
	}
	l.mu.Unlock()
	l.stop()
	l.m.cfg.Peer(l.peer())
}

// call makes an offer.
func (l *link) call() {
	t, err := l.connect(rand.Text())
	if err == nil {
		err = t.describe(t.pc.CreateOffer(nil))
	}
	if err != nil {
		l.fail(StageSignalling, err)
	}
}

// signalled takes in a signal of a peer.
func (m *Mesh) signalled(from string, s *signal) {
	l := m.link(from)
	if l == nil {
		if from == "" || from == m.you || s.Description == nil {
			return
		}
		l = m.add(from) // the server has yet to list it
	}
	t := l.tries
	if d := s.Description; d != nil && d.Type == webrtc.SDPTypeOffer {
		l.offered(s.Call, *d)
		return
	}
	if t == nil || t.call != s.Call {
		return
	}
	switch {
	case s.Failed != "":
		if l.peer().State != Fallback { // it is not Gone: it has just sent something
			l.retreat(&Error{Stage: s.Failed, Err: errors.New("the peer has given up")})
		}
	case s.Description != nil:
		if err := t.remote(*s.Description); err != nil {
			l.fail(StageSignalling, err)
		}
	case s.Candidate != nil && !t.described:
		if len(t.waiting) < 64 { // more than any peer has
			t.waiting = append(t.waiting, *s.Candidate)
		}
	case s.Candidate != nil:
		_ = t.pc.AddICECandidate(*s.Candidate) // one that cannot be used is none
	}
}

// offered answers an offer, in place of what there was.
func (l *link) offered(call string, d webrtc.SessionDescription) {
	if l.m.you != "" && l.m.you < l.id {
		return // the offer is this peer's to make
	}
	if old := l.tries; old != nil {
		l.m.wg.Go(old.end)
		l.tries = nil
		l.mu.Lock()
		l.state, l.open, l.err, l.timings = Connecting, nil, nil, Timings{}
		l.mu.Unlock()
		l.stop()
		l.begin()
	}
	t, err := l.connect(call)
	if err == nil {
		err = t.pc.SetRemoteDescription(d)
	}
	if err == nil {
		err = t.describe(t.pc.CreateAnswer(nil))
	}
	if err != nil {
		l.fail(StageSignalling, err)
		return
	}
	t.ready()
}

// fail gives the connection up, and lets the peer know.
func (l *link) fail(stage string, err error) {
	if s := l.peer().State; s == Fallback || s == Gone {
		return
	}
	if t := l.tries; t != nil {
		_ = l.emit(signal{Call: t.call, Failed: stage}) // else the peer's own clock ends it
	}
	l.retreat(&Error{Stage: stage, Err: err})
}

// retreat goes on by the relay.
func (l *link) retreat(err *Error) {
	if t := l.tries; t != nil && t.pc != nil {
		l.m.wg.Go(t.end)
	}
	l.change(Fallback, err)
	l.m.settle()
}

// send writes a message into the channel, or gives it to the server.
func (l *link) send(data []byte, bin bool) (Way, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.open; t != nil {
		if t.dc.BufferedAmount() > uint64(l.m.cfg.MaxQueue) { //nolint:gosec // it is not negative
			return Direct, ErrQueueFull
		}
		var err error
		l.buf, err = split(data, bin, l.buf, func(frame []byte, text bool) error {
			_, err := t.raw.WriteDataChannel(frame, text)
			return err
		})
		if cap(l.buf) > leastRead {
			l.buf = nil
		}
		return Direct, err
	}
	if l.state == Gone {
		return Direct, ErrNoPeer
	}
	var message any = string(data)
	if bin {
		message = data
	}
	return Relayed, l.m.cfg.Emit("p2p:relay", place{l.m.cfg.Room, l.id}, message)
}

// drain waits until the peer has closed the channel or some time has passed, and closes it.
func (l *link) drain() {
	if t := l.tries; t != nil {
		t.drained(func() bool { return t.pc.ConnectionState() != webrtc.PeerConnectionStateConnected })
		t.end()
	}
}

// finish waits until the channel is empty or some time has passed, and closes it.
func (l *link) finish() {
	l.stop()
	if t := l.tries; t != nil {
		if t.raw != nil {
			t.drained(func() bool { return t.dc.BufferedAmount() == 0 })
		}
		t.end()
	}
}
