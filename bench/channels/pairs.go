//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/peer"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/signalling"
)

// patience is for what must come in any case.
const patience = time.Minute

// bare is a pair of connections as pion's own benchmark makes it, over the loopback interface.
func bare(ctx context.Context, arrived func()) (_ *pair, err error) {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s))
	var ends [2]*webrtc.PeerConnection
	closeAll := func() {
		for _, pc := range ends {
			if pc != nil {
				_ = pc.GracefulClose() // nothing can be done about what is not closed
			}
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	for i := range ends {
		if ends[i], err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
			return nil, err
		}
	}
	opened := make(chan struct{}, 2)
	ends[1].OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(webrtc.DataChannelMessage) { arrived() })
		d.OnOpen(func() { opened <- struct{}{} })
	})
	dc, err := ends[0].CreateDataChannel("data", nil)
	if err != nil {
		return nil, err
	}
	dc.OnOpen(func() { opened <- struct{}{} })
	if err := describe(ctx, ends[0], ends[1]); err != nil {
		return nil, err
	}
	for range 2 {
		if err := await(ctx, opened, "a channel that opens"); err != nil {
			return nil, err
		}
	}
	return &pair{send: dc.SendText, close: closeAll}, nil
}

// describe exchanges offer and answer with all candidates in them.
func describe(ctx context.Context, a, b *webrtc.PeerConnection) error {
	gathered := func(pc *webrtc.PeerConnection, make func() (webrtc.SessionDescription, error)) error {
		complete := webrtc.GatheringCompletePromise(pc)
		d, err := make()
		if err == nil {
			err = pc.SetLocalDescription(d)
		}
		if err != nil {
			return err
		}
		return await(ctx, complete, "the candidates")
	}
	if err := gathered(a, func() (webrtc.SessionDescription, error) { return a.CreateOffer(nil) }); err != nil {
		return err
	}
	if err := b.SetRemoteDescription(*a.LocalDescription()); err != nil {
		return err
	}
	if err := gathered(b, func() (webrtc.SessionDescription, error) { return b.CreateAnswer(nil) }); err != nil {
		return err
	}
	return a.SetRemoteDescription(*b.LocalDescription())
}

// await waits for something that must come.
func await(ctx context.Context, is <-chan struct{}, what string) error {
	select {
	case <-is:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return fmt.Errorf("waited %v in vain for %s", patience, what)
	}
}

// A meeting is a server by which clients meet.
type meeting struct {
	srv    *server.Server
	url    string
	served chan error
	rooms  atomic.Int64
}

func newMeeting() (*meeting, error) {
	srv, err := server.New(server.Options{})
	if err != nil {
		return nil, err
	}
	if err := signalling.New(srv.Namespace, signalling.Options{}); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &meeting{srv: srv, url: "http://" + ln.Addr().String(), served: make(chan error, 1)}
	go func() { m.served <- srv.Serve(ln) }()
	return m, nil
}

func (m *meeting) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = errors.Join(m.srv.Shutdown(ctx), <-m.served) // the process ends
}

// A member is a client with its mesh.
type member struct {
	mesh *peer.Mesh
	c    *client.Client
	open chan string // the id of the peer
	ran  chan struct{}
}

func (m *member) Event(e *client.Message) { m.mesh.Event(e) }
func (m *member) Ack(*client.Message)     {}

// open lets two clients meet in a room of their own.
func (m *meeting) open(ctx context.Context, arrived func()) (_ *pair, err error) {
	room := fmt.Sprint("pair-", m.rooms.Add(1))
	var both []*member
	closeAll := func() {
		for _, x := range both {
			_ = x.mesh.Close() // it is always nil
			_ = x.c.Close()    // it goes with the server
			<-x.ran
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	for range 2 {
		x, err := m.enter(ctx, room, arrived)
		if err != nil {
			return nil, err
		}
		both = append(both, x)
	}
	var to string
	for _, x := range both {
		select {
		case id := <-x.open:
			if id == "" {
				return nil, errors.New("the channel of a mesh did not open")
			}
			if x == both[0] {
				to = id
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(patience):
			return nil, fmt.Errorf("two clients have not met within %v", patience)
		}
	}
	mesh := both[0].mesh
	return &pair{close: closeAll, send: func(text string) error {
		way, err := mesh.Send(to, []byte(text), false)
		if err == nil && way != peer.Direct {
			err = errors.New("a message went by the server")
		}
		return err
	}}, nil
}

func (m *meeting) enter(ctx context.Context, room string, arrived func()) (*member, error) {
	c, err := client.Dial(ctx, &client.Config{URL: m.url})
	if err != nil {
		return nil, err
	}
	x := &member{c: c, open: make(chan string, 1), ran: make(chan struct{})}
	x.mesh, err = peer.New(peer.Config{
		Room: room, Emit: peer.Over(c, socketio.JSON, ""), Loopback: true, MaxQueue: 64 << 20,
		Message: func(peer.Message) { arrived() },
		Peer: func(p peer.Peer) {
			switch p.State {
			case peer.Open:
				x.open <- p.ID
			case peer.Fallback:
				select {
				case x.open <- "":
				default: // it was open before, and its peer goes
				}
			case peer.Connecting, peer.Gone:
			}
		},
	})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	go func() {
		defer close(x.ran)
		_ = c.Run(x) // how it ends shows in the channels
	}()
	if err := x.mesh.Join(); err != nil {
		_ = c.Close()
		<-x.ran
		return nil, err
	}
	return x, nil
}
