package main

import (
	"net"
	"runtime"
	"sync"

	"golang.org/x/net/ipv4"
)

// maxGathered is how many packets wait at most; the kernel takes 1024 at once.
const maxGathered = 1024

// gathering is a UDP socket that takes what connections send, and passes it on by one system call
// for all that has come meanwhile (sendmmsg): a goroutine writes, and those of the connections only
// copy. Errors of the system are not theirs any more, so the size of packets is not found by them.
type gathering struct {
	*net.UDPConn
	batch *ipv4.PacketConn

	mu      sync.Mutex
	waiting []ipv4.Message
	spare   []ipv4.Message
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
}

func gather(c *net.UDPConn) *gathering {
	g := &gathering{UDPConn: c, batch: ipv4.NewPacketConn(c), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go g.run()
	return g
}

// WriteMsgUDP copies a packet; what the socket cannot hold is written at once.
func (g *gathering) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	g.mu.Lock()
	at := len(g.waiting)
	if at >= maxGathered {
		g.mu.Unlock()
		return g.UDPConn.WriteMsgUDP(b, oob, addr)
	}
	if at < cap(g.waiting) {
		g.waiting = g.waiting[:at+1]
	} else {
		g.waiting = append(g.waiting, ipv4.Message{})
	}
	m := &g.waiting[at]
	if m.Buffers == nil {
		m.Buffers = make([][]byte, 1)
	}
	m.Buffers[0], m.OOB, m.Addr = append(m.Buffers[0][:0], b...), append(m.OOB[:0], oob...), addr
	g.mu.Unlock()
	if at == 0 {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
	return len(b), len(oob), nil
}

// run writes what waits, until the socket is closed.
func (g *gathering) run() {
	defer close(g.done)
	for {
		select {
		case <-g.wake:
		case <-g.quit:
			return
		}
		runtime.Gosched() // the others that are about to send
		g.mu.Lock()
		batch := g.waiting
		g.waiting, g.spare = g.spare[:0], batch
		g.mu.Unlock()
		for len(batch) > 0 {
			n, err := g.batch.WriteBatch(batch, 0)
			if err != nil {
				n = 1 // the first one could not be sent, and is lost as on any network
			}
			batch = batch[n:]
		}
	}
}

// Close ends the goroutine that writes. It is called once.
func (g *gathering) Close() error {
	err := g.UDPConn.Close()
	close(g.quit)
	<-g.done
	return err
}
