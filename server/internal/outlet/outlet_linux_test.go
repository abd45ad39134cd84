package outlet

import (
	"bytes"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

// asked is an owner that notes what it is asked for.
type asked struct {
	out     *Outlet
	batches []Batch
	written []int
	reopen  bool
	writes  int  // calls of Write
	takes   bool // its answer
}

func (a *asked) Deliver(b Batch, written int) {
	a.batches, a.written = append(a.batches, b), append(a.written, written)
	if a.reopen {
		a.out.Open()
	}
}

func (a *asked) Write([]byte, int) bool {
	a.writes++
	return a.takes
}

// connected returns an outlet that is closed, its owner, and the other end of its socket.
func connected(t *testing.T) (o *Outlet, owner *asked, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	owner = &asked{reopen: true}
	o = New(owner)
	owner.out = o
	o.Lock()
	o.Attach(fds[0])
	o.Unlock()
	return o, owner, fds[1]
}

func text(size int) *frame.Frame {
	return frame.Packet(engineio.Packet{Type: engineio.Message, Data: bytes.Repeat([]byte("x"), size)})
}

func TestOneLineEach(t *testing.T) {
	if got := unsafe.Sizeof(Outlet{}); got != 64 {
		t.Errorf("an outlet has %d bytes, want a cache line", got)
	}
	for range 10 * perSlab {
		if o := New(nil); uintptr(unsafe.Pointer(o))%64 != 0 {
			t.Fatalf("an outlet at %p lies on two cache lines", o)
		}
	}
}

func TestOpenAndClosed(t *testing.T) {
	o, owner, peer := connected(t)
	f := text(10)
	o.Deliver(Alone(f)) // closed, as a new one is
	o.Deliver(Alone(f)) // open
	o.Deliver(Join([]*frame.Frame{f, f}, append(f.Wire(), f.Wire()...)))
	if len(owner.batches) != 1 || owner.written[0] != 0 {
		t.Errorf("the owner was asked for %d batches, want the first", len(owner.batches))
	}
	var b [100]byte
	if n, err := unix.Read(peer, b[:]); n != 3*len(f.Wire()) || err != nil {
		t.Errorf("%d bytes were written (%v), want %d", n, err, 3*len(f.Wire()))
	}
	o.Lock()
	packets, written := o.Written()
	o.Unlock()
	if packets != 3 || written != uint64(3*len(f.Wire())) {
		t.Errorf("%d packets and %d bytes are counted", packets, written)
	}
	owner.reopen = false
	o.Deliver(Alone(f)) // closed by the lock
	o.Deliver(Alone(f)) // and left so
	if len(owner.batches) != 3 {
		t.Errorf("the owner was asked for %d batches, want 3", len(owner.batches))
	}
}

func TestWriteWithoutAFrame(t *testing.T) {
	o, owner, peer := connected(t)
	wire := text(1 << 20).Wire()
	for _, owner.takes = range []bool{false, true} {
		if o.Write(wire, 1) != owner.takes || len(owner.batches) != 0 {
			t.Error("a closed outlet has written, or does not say what its owner does")
		}
	}
	o.Lock()
	o.Open()
	o.Unlock()
	o.Look()
	o.Unlock()
	if !o.Write(wire[:10], 1) || len(owner.batches) != 0 || owner.writes != 2 {
		t.Error("an open outlet has not written by itself")
	}
	owner.reopen = false
	if !o.Write(wire, 3) || len(owner.batches) != 1 || owner.batches[0].Packets != 3 || !bytes.Equal(owner.batches[0].Wire, wire) {
		t.Fatal("what was taken in part is not the owner's")
	}
	got := make([]byte, 2<<20)
	n, err := unix.Read(peer, got)
	if err != nil || n != 10+owner.written[0] || !bytes.Equal(got[10:n], wire[:n-10]) {
		t.Errorf("%d bytes were written (%v), the owner was asked to go on from %d", n, err, owner.written[0])
	}
}

func TestNeverOpenWithoutDescriptor(t *testing.T) {
	owner := &asked{reopen: true}
	o := New(owner)
	owner.out = o
	for range 3 {
		o.Deliver(Alone(text(1)))
	}
	if len(owner.batches) != 3 {
		t.Errorf("the owner was asked for %d of 3 batches", len(owner.batches))
	}
}

// What the kernel takes only in part, or refuses, is the owner's from there on.
func TestFullAndBroken(t *testing.T) {
	o, owner, peer := connected(t)
	o.Lock()
	o.Open()
	o.Unlock()
	owner.reopen = false
	f, sent := text(1<<20), 0
	o.Deliver(Alone(f))
	var b [64 << 10]byte
	for n := 1; n > 0; sent += max(n, 0) {
		n, _ = unix.Read(peer, b[:])
	}
	if len(owner.written) != 1 || owner.written[0] != sent || sent == 0 || sent == len(f.Wire()) {
		t.Fatalf("the owner was asked to go on from %v; %d bytes were written", owner.written, sent)
	}
	_ = unix.Shutdown(peer, unix.SHUT_RDWR)
	o.Lock()
	o.Open()
	o.Unlock()
	o.Deliver(Alone(text(1)))
	if len(owner.written) != 2 || owner.written[1] != 0 {
		t.Errorf("after a reset the owner was asked to go on from %v", owner.written)
	}
}
