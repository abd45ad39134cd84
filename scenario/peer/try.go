package peer

import (
	"errors"
	"io"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/scenario/client"
)

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
