package machine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A Yardstick times a fixed piece of work again and again: what the processor, the caches, the
// memory and the system calls of this machine cost at the moment, which on a shared machine changes
// by a tenth from one second to the next. The piece is like the work of a server: messages over
// loopback, and walks over a megabyte and over a quarter of one.
type Yardstick struct {
	near, far int // sockets that the runtime's poller does not know: waking it is no part of a piece
	memory    []byte
	sum       byte // so that nothing of the work can be left out
	pieces    atomic.Int64
	spent     atomic.Int64 // nanoseconds of CPU time
	over      atomic.Bool
	done      chan struct{}
}

// A piece takes some 100 us, so that a yardstick takes about 2 % of a processor.
const (
	pieceEvery    = 7 * time.Millisecond
	pieceMessages = 4
	pieceMemory   = 1 << 20
)

// StartYardstick begins to time, until Stop is called. A piece counts while counts says so, which
// is called on another goroutine. It fails when loopback does not work. Where the system does not
// tell the CPU time of a thread there is nothing to time, and no piece counts.
func StartYardstick(counts func() bool) (*Yardstick, error) {
	y := &Yardstick{memory: make([]byte, pieceMemory), done: make(chan struct{})}
	if _, ok := threadTime(); !ok {
		close(y.done)
		return y, nil
	}
	var err error
	if y.near, y.far, err = bareSockets(); err != nil {
		return nil, err
	}
	go y.run(counts)
	return y, nil
}

// Piece is the mean CPU time of the pieces that counted; 0: there was none.
func (y *Yardstick) Piece() time.Duration {
	n := y.pieces.Load()
	if n == 0 {
		return 0
	}
	return time.Duration(y.spent.Load() / n)
}

// Stop ends the timing, and returns when it has ended.
func (y *Yardstick) Stop() {
	y.over.Store(true)
	<-y.done
}

func (y *Yardstick) run(counts func() bool) {
	defer close(y.done)
	defer closeSockets(y.near, y.far)
	runtime.LockOSThread() // whose CPU time is read
	defer runtime.UnlockOSThread()
	next := time.NewTicker(pieceEvery)
	defer next.Stop()
	for range next.C {
		switch {
		case y.over.Load():
			return
		case !counts():
			continue
		}
		before, _ := threadTime()
		if err := y.work(); err != nil {
			return
		}
		after, _ := threadTime()
		y.spent.Add(int64(after - before))
		y.pieces.Add(1)
	}
}

// work does a piece.
func (y *Yardstick) work() error {
	var message [160]byte
	for range pieceMessages {
		if err := passOn(y.near, y.far, message[:]); err != nil {
			return err
		}
	}
	y.walk(pieceMemory, 512)
	y.walk(pieceMemory/4, 64)
	return nil
}

// walk reads and writes a byte in each stride of the memory.
func (y *Yardstick) walk(bytes, stride int) {
	for i := 0; i < bytes; i += stride {
		y.sum += y.memory[i]
		y.memory[i] = y.sum
	}
}
