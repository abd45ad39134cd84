package peer

import (
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/pion/datachannel"
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

// A try is one connection to a peer, from an offer to its end.
type try struct {
	l         *link
	call      string
	pc        *webrtc.PeerConnection
	dc        *webrtc.DataChannel
	stage     string
	described bool                      // both descriptions are applied
	waiting   []webrtc.ICECandidateInit // for the description of the peer
	found     int                       // candidates of its own
	raw       datachannel.ReadWriteCloser
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

// pass ends a stage.
func (t *try) pass(stage, next string, at time.Duration) {
	l := t.l
	if l.tries != t || t.stage != stage {
		return
	}
	took := max(at-l.began, 1)
	t.stage, l.began = next, max(at, l.began)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch stage {
	case StageSignalling:
		l.timings.Signalling = took
	case StageICE:
		l.timings.ICE = took
	case StageDTLS:
		l.timings.DTLS = took
	case StageChannel:
		l.timings.Channel = took
	}
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

// describe applies an own description and sends it.
func (t *try) describe(d webrtc.SessionDescription, err error) error {
	if err == nil {
		err = t.pc.SetLocalDescription(d)
	}
	if err == nil {
		err = t.l.emit(signal{Call: t.call, Description: &d})
	}
	return err
}

// connect makes a connection.
func (l *link) connect(call string) (*try, error) {
	pc, err := l.m.api.NewPeerConnection(l.m.conf)
	if err != nil {
		return nil, err
	}
	t := &try{l: l, call: call, pc: pc, stage: StageSignalling}
	l.tries = t
	yes, id := true, uint16(0)
	if t.dc, err = pc.CreateDataChannel("p2p", &webrtc.DataChannelInit{Negotiated: &yes, ID: &id}); err != nil {
		return t, err
	}
	do := func(f func()) {
		l.m.do(func() {
			if l.tries == t {
				f()
			}
		})
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) { do(func() { t.candidate(c) }) })
	pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		at := client.Now()
		switch s {
		case webrtc.ICEConnectionStateConnected:
			do(func() { t.pass(StageICE, StageDTLS, at) })
		case webrtc.ICEConnectionStateFailed:
			do(func() { l.fail(t.stage, errors.New("no pair of addresses works")) })
		}
	})
	pc.SCTP().Transport().OnStateChange(func(s webrtc.DTLSTransportState) {
		at := client.Now()
		switch s {
		case webrtc.DTLSTransportStateConnected:
			do(func() {
				t.pass(StageICE, StageDTLS, at) // the callbacks may come in any order
				t.pass(StageDTLS, StageChannel, at)
			})
		case webrtc.DTLSTransportStateFailed:
			do(func() { l.fail(t.stage, errors.New("the handshake failed")) })
		}
	})
	t.dc.OnOpen(func() {
		at := client.Now()
		raw, err := t.dc.Detach()
		do(func() { t.opened(raw, err, at) })
	})
	return t, nil
}

// candidate passes on an address of this peer; nil: there are no more.
func (t *try) candidate(c *webrtc.ICECandidate) {
	if c != nil {
		t.found++
		init := c.ToJSON()
		_ = t.l.emit(signal{Call: t.call, Candidate: &init}) // the clock ends what cannot be sent
		return
	}
	if t.found == 0 && t.l.peer().State == Connecting {
		t.l.fail(StageICE, errNoCandidate)
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

// remote applies the peer's answer.
func (t *try) remote(d webrtc.SessionDescription) error {
	if err := t.pc.SetRemoteDescription(d); err != nil {
		return err
	}
	t.ready()
	return nil
}

// ready goes on to the next stage, in which candidates can be used.
func (t *try) ready() {
	t.described = true
	t.pass(StageSignalling, StageICE, client.Now())
	for _, c := range t.waiting {
		_ = t.pc.AddICECandidate(c)
	}
	t.waiting = nil
}

// opened begins to use the channel.
func (t *try) opened(raw datachannel.ReadWriteCloser, err error, at time.Duration) {
	l := t.l
	if l.peer().State != Connecting {
		return
	}
	if err != nil {
		l.fail(StageChannel, err)
		return
	}
	t.pass(StageICE, StageDTLS, at)
	t.pass(StageDTLS, StageChannel, at)
	t.pass(StageChannel, StageOpen, at)
	t.raw = raw
	l.mu.Lock()
	l.open = t
	l.mu.Unlock()
	l.m.wg.Go(t.read)
	l.change(Open, nil)
	l.m.settle()
}

// leastRead and mostRead bound the buffer of a channel: it grows to the largest message that came.
// 64 KiB for each would be a quarter of what a connection takes.
const (
	leastRead = 2 << 10
	mostRead  = maxFrame + 1
)

// read reads the channel until it ends, on a goroutine of its own.
func (t *try) read() {
	l, m := t.l, t.l.m
	joined := joiner{max: m.cfg.MaxMessage}
	buf := make([]byte, leastRead)
	for {
		n, text, err := t.raw.ReadDataChannel(buf)
		at := client.Now()
		if errors.Is(err, io.ErrShortBuffer) && len(buf) < mostRead {
			buf = make([]byte, min(2*len(buf), mostRead))
			continue
		}
		var data []byte
		var bin, done bool
		if err == nil {
			data, bin, done, err = joined.add(buf[:n], text)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = ErrEnded
			}
			m.do(func() {
				if l.tries == t && l.peer().State == Open {
					l.fail(StageOpen, err)
				}
			})
			return
		}
		if done {
			m.cfg.Message(Message{From: l.id, Data: data, Binary: bin, Way: Direct, At: at})
		}
	}
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

// drained waits for a condition of the stack, of which no event tells.
func (t *try) drained(is func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := client.Now() + lingers; !is() && client.Now() < late; {
		<-tick.C
	}
}

// end closes the connection and waits for its goroutines. It may be called more than once.
func (t *try) end() {
	_ = t.pc.GracefulClose() // nothing can be done about what is not closed
}
