package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

// patience is for what must come in any case.
const patience = time.Minute

// conn carries Engine.IO packets.
type conn interface {
	read() ([]byte, error) // the next text packet; valid until the next call
	write(text string) error
}

// A receiver is a client that counts the broadcasts it gets.
type receiver struct {
	conn
	all *atomic.Int64 // broadcasts that came, of all clients
}

// connect opens clients in a room, which read until the server ends.
func connect(s *server, dial func(*server) (conn, error), room string, n int) ([]*receiver, error) {
	clients := make([]*receiver, n)
	all := &atomic.Int64{}
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range clients {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c, err := dial(s)
			if err == nil {
				err = join(c, room)
			}
			if err != nil {
				failed.Store(&err)
				return
			}
			clients[i] = &receiver{conn: c, all: all}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	for _, c := range clients {
		go c.receive()
	}
	return clients, nil
}

func join(c conn, room string) error {
	for _, step := range []struct{ send, await string }{{"40", "40{"}, {fmt.Sprintf(`420["join",%q]`, room), "430["}} {
		if err := c.write(step.send); err != nil {
			return err
		}
		for {
			p, err := c.read()
			if err != nil {
				return err
			}
			if bytes.HasPrefix(p, []byte(step.await)) {
				break
			}
		}
	}
	return nil
}

var broadcast = []byte(`42["m",`)

func (c *receiver) receive() {
	for {
		p, err := c.read()
		switch {
		case err != nil:
			return
		case bytes.HasPrefix(p, broadcast):
			c.all.Add(1)
		case string(p) == "2":
			_ = c.write("3") // an error ends the next read, too
		}
	}
}

// flood has the first client broadcast to a room for a while, and returns how many messages there
// were, when all clients have them. Only so many are in flight at a time.
func flood(ctx context.Context, clients []*receiver, room string, inflight, size int, d time.Duration) (sent int, err error) {
	text := fmt.Sprintf(`42["room",%q,"m",%q]`, room, strings.Repeat("x", size))
	all, start, each := clients[0].all, clients[0].all.Load(), int64(len(clients))
	look := time.NewTicker(50 * time.Microsecond)
	defer look.Stop()
	await := func(least int64) error {
		for end := time.Now().Add(patience); all.Load()-start < least; <-look.C {
			if time.Now().After(end) {
				return fmt.Errorf("%d of %d deliveries came within %v", all.Load()-start, least, patience)
			}
		}
		return nil
	}
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; sent++ {
		if err := await(int64(sent-inflight+1) * each); err != nil {
			return sent, err
		}
		if err := clients[0].write(text); err != nil {
			return sent, err
		}
	}
	return sent, errors.Join(ctx.Err(), await(int64(sent)*each))
}

type overTLS struct {
	mu sync.Mutex
	*websocket.Conn
}

var trusting = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the server is this program's own

func dialTLS(s *server) (conn, error) {
	d := websocket.Dialer{TLSClientConfig: trusting, ReadBufferSize: 1024, WriteBufferSize: 1024}
	c, resp, err := d.Dial("wss://"+s.tcp+"/socket.io/?EIO=4&transport=websocket", http.Header{})
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	return &overTLS{Conn: c}, nil
}

func (c *overTLS) read() ([]byte, error) {
	_, p, err := c.ReadMessage()
	return p, err
}

func (c *overTLS) write(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.WriteMessage(websocket.TextMessage, []byte(text))
}

type overQUIC struct {
	mu     sync.Mutex
	stream io.Writer
	framed
}

func dialQUIC(s *server) (conn, error) {
	t := webtransport.Transport{
		TLSClientConfig: trusting.Clone(), DialAddr: s.dial,
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIdleTimeout: patience},
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, session, err := t.Dial(ctx, "https://"+s.udp+"/socket.io/", nil)
	if err != nil {
		return nil, err
	}
	stream, err := session.OpenStream()
	if err != nil {
		return nil, err
	}
	c := &overQUIC{stream: stream, framed: framed{read1: stream.Read}}
	return c, c.write("0")
}

func (c *overQUIC) read() ([]byte, error) { return c.next() }

func (c *overQUIC) write(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.stream.Write(frameOf(text))
	return err
}
