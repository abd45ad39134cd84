package client

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is watched is called for each time that it has something, beside the clients, until Close.
func TestWatch(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ring := func() {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1)); err != nil {
			t.Fatal(err)
		}
	}
	c, server := pair(t)
	readers := &Readers{Place: onePlace}
	h, ended := newHeard(), make(chan error, 1)
	called := make(chan struct{}, 100)
	if !readers.Watch(fd, func() {
		var b [8]byte
		if _, err := unix.Read(fd, b[:]); err != nil {
			t.Errorf("called for nothing: %v", err)
		}
		called <- struct{}{}
	}) {
		t.Fatal("nobody watches")
	}
	readers.Run(c, h, func(err error) { ended <- err })
	for i := range 5 {
		ring()
		<-called
		if _, err := server.Write([]byte(broadcast)); err != nil {
			t.Fatal(err)
		}
		h.wait(t, i+1)
	}
	_ = c.Close()
	if err := <-ended; err == nil {
		t.Error("a session has ended without an error")
	}
	readers.Close()
	ring()
	time.Sleep(20 * time.Millisecond)
	if len(called) > 0 {
		t.Error("called after Close")
	}
}

// A client that waits has neither a reader nor what messages are taken apart into; one that waits
// for the rest of a frame has the bytes of the beginning.
func TestWaitingClientsHoldWhatTheyNeed(t *testing.T) {
	c, server := pair(t)
	readers := &Readers{Place: onePlace}
	h, ended := newHeard(), make(chan error, 1)
	readers.Run(c, h, func(err error) { ended <- err })
	d := c.ws.conn.moved
	if d == nil {
		t.Fatal("Readers do not read the client")
	}
	// rests waits until the client has kept so many bytes.
	rests := func(bytes int) {
		t.Helper()
		kept, none, free := 0, false, false
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
			if !d.turn.CompareAndSwap(resting, reading) {
				continue
			}
			kept, none, free = 0, c.ws.rd == nil, c.work == nil
			if !none {
				kept = len(c.ws.rd.rest)
			}
			d.turn.Store(resting)
			if kept == bytes && none == (bytes == 0) && free {
				return
			}
		}
		t.Fatalf("it has %d bytes, want %d; no reader: %v, no work: %v", kept, bytes, none, free)
	}
	put := func(b string) {
		t.Helper()
		if _, err := server.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	rests(0)
	for i := range 3 {
		put(broadcast[:50])
		rests(50)
		put(broadcast[50:90])
		rests(90)
		put(broadcast[90:] + broadcast)
		h.wait(t, 2*(i+1))
		rests(0)
	}
	put(broadcast[:50])
	rests(50)
	_ = c.Close()
	if err := <-ended; err == nil {
		t.Error("a session has ended without an error")
	}
	readers.Close()
}
