package client

import (
	"errors"
	"sync"

	"github.com/throng-io/throng/scenario/client/deadline"
)

// Readers read for many clients on few goroutines, so that a client which waits has none. Under
// Linux they do so for clients on websocket without TLS; every other client gets a goroutine of its
// own, which reads as [Client.Run] does. A goroutine for each client costs its stack, two changes
// of goroutines for a message, and one system call more: the read that finds nothing.
//
// The zero Readers is ready. Its methods are safe for concurrent use, but for Close. A goroutine
// starts with the first client.
type Readers struct {
	// Place is called by each of the goroutines, which holds one of the runtime's places to run Go
	// code also while it waits (GOMAXPROCS): it gets one more for the others, until the returned
	// function is called. nil = the others have one less. Set it before the first Run.
	Place func() (restore func())

	mu        sync.Mutex
	loops     []*loop
	next      int
	deadlines deadline.Queue
	wg        sync.WaitGroup
}

// Run is [Client.Run], except that it returns at once. When the session is over it calls ended with
// the error that Client.Run would return, on a goroutine of its own and after the last call of h. A
// handler must not wait for anything: other clients are read on its goroutine.
func (r *Readers) Run(c *Client, h Handler, ended func(error)) {
	if !c.movable() || !r.take(c, h, ended) {
		go func() { ended(c.Run(h)) }()
	}
}

// Watch lets one of the goroutines call f, between reads, whenever a descriptor that does not block
// has something to read, which f reads. It ends with Close, at which the descriptor must be open
// still. false: nobody watches it; only Linux can.
func (r *Readers) Watch(fd int, f func()) bool { return r.watch(fd, f) }

// movable reports whether Readers can read for c. A slow reader waits on purpose, and a client
// that pings by itself changes its deadline more often.
func (c *Client) movable() bool {
	return c.ws != nil && c.ws.conn.raw != nil && c.pace == nil && c.beat == nil
}

// Close ends the goroutines and waits for them. The sessions of all clients must be over.
func (r *Readers) Close() {
	r.mu.Lock()
	loops := r.loops
	r.loops = nil
	r.mu.Unlock()
	for _, l := range loops {
		l.close()
	}
	r.deadlines.Close()
	r.wg.Wait()
}

// errWait says that everything that was read is handled, and that the next read has to wait.
var errWait = errors.New("nothing to read now")
