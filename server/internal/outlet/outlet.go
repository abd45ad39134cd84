// Package outlet is the part of a session that a broadcast touches, on a cache line of its own.
//
// A broadcast to thousands finds its receivers in memory and no longer in a cache, so it costs by
// the lines that it touches. What a message needs that goes out at once is all here: the lock, the
// descriptor, whether it may be written to as things are, and what has been written. Everything
// else, which is most of a session, is its [Owner]'s and is asked only when something is unusual.
//
// A message to one goes out by a system call, see package poll, and one to many by a call for some
// tens of them, where the kernel has io_uring: see [Rings].
//
// Outlets lie side by side in the order in which they were made. The kernel's structures of the
// same connections do so too, and what is written in that order finds the next one half fetched.
package outlet

import (
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
)

// Owner is what an outlet belongs to: a session.
type Owner interface {
	// Deliver passes on a batch of which the first written bytes have gone out. It is called with
	// the outlet locked and closed, and must not block. It may call Open, when all of the batch has
	// gone out and the next one may be written in the same way.
	Deliver(b Batch, written int)
	// Write sends a message that has no frame yet, its Wire bytes, which are not kept, if it can go
	// out at once. Else it returns false and does nothing. It is called as Deliver is.
	Write(wire []byte, packets int) bool
}

// Outlet is the way out of one connection, and the lock of its owner. Its methods are safe for
// concurrent use.
//
// It is open while the bytes of a message can be written to the descriptor as they are: nothing
// waits, and nobody else writes. Each Lock closes it, whatever its owner does with the lock, and
// only Open opens it again. So no change of the owner can be forgotten here; it costs the next
// message the way through the owner.
type Outlet struct {
	mu   sync.Mutex
	fd   int32 // -1: never opened
	open bool

	// What has been written here, guarded by the lock.
	packets, bytes uint64

	owner Owner

	_ [16]byte
}

// perSlab outlets are allocated at once: 512 bytes, which the allocator aligns to cache lines.
const perSlab = 8

var slab struct {
	mu   sync.Mutex
	left []Outlet
}

// New returns a closed outlet.
func New(owner Owner) *Outlet {
	slab.mu.Lock()
	defer slab.mu.Unlock()
	if len(slab.left) == 0 {
		slab.left = make([]Outlet, perSlab)
	}
	o := &slab.left[0]
	slab.left = slab.left[1:]
	o.fd, o.owner = -1, owner
	return o
}

// Lock locks and closes the outlet.
func (o *Outlet) Lock() {
	o.mu.Lock()
	o.open = false
}

// Look locks the outlet and leaves it open, if it is: for what changes nothing that a message is
// sent by.
func (o *Outlet) Look() { o.mu.Lock() }

// Unlock unlocks it.
func (o *Outlet) Unlock() { o.mu.Unlock() }

// Attach makes fd the descriptor, a socket that does not block. The outlet must be locked. Before
// the descriptor is closed there must be a Lock after which Open is not called.
func (o *Outlet) Attach(fd int) { o.fd = int32(fd) }

// Open opens the outlet if it has a descriptor. It must be locked.
func (o *Outlet) Open() { o.open = o.fd >= 0 }

// Written returns what has been written without the owner. The outlet must be locked.
func (o *Outlet) Written() (packets, bytes uint64) { return o.packets, o.bytes }

// Deliver sends a batch: by a write if the outlet is open, else through its owner. It does not
// block.
func (o *Outlet) Deliver(b Batch) {
	o.mu.Lock()
	if !o.open {
		o.owner.Deliver(b, 0)
		o.mu.Unlock()
		return
	}
	o.wrote(b, write(o.fd, b.Wire, o.packets))
	o.mu.Unlock()
}

// wrote counts a batch of which the first n bytes have gone out, or passes it on. The outlet is
// locked and open.
func (o *Outlet) wrote(b Batch, n int) {
	if n == len(b.Wire) {
		o.packets += b.Packets
		o.bytes += uint64(n)
		return
	}
	o.open = false
	o.owner.Deliver(b, n)
}

// Write is Deliver for a message that has no frame yet, its Wire bytes, which are not kept. It
// returns false and does nothing if something is before the message, or if it must be a frame.
func (o *Outlet) Write(wire []byte, packets int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open {
		return o.owner.Write(wire, packets)
	}
	n := write(o.fd, wire, o.packets)
	if n == len(wire) {
		o.packets += uint64(packets)
		o.bytes += uint64(n)
		return true
	}
	o.open = false
	o.owner.Deliver(Alone(frame.Copy(wire, packets)), n)
	return true
}

// Batch is what is sent to one receiver, or to many, at once. It is valid during the call that it
// is given to; its frames may be kept.
type Batch struct {
	Frames  []*frame.Frame
	Wire    []byte // of the frames, joined
	Packets uint64 // in all of them
}

// Alone returns a batch of one frame.
func Alone(f *frame.Frame) Batch {
	return Batch{Frames: f.Alone(), Wire: f.Wire(), Packets: uint64(f.Packets())}
}

// Join returns a batch of frames whose joined bytes are wire.
func Join(frames []*frame.Frame, wire []byte) Batch {
	b := Batch{Frames: frames, Wire: wire}
	for _, f := range frames {
		b.Packets += uint64(f.Packets())
	}
	return b
}
