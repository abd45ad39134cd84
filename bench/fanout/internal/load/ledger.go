//go:build linux

package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// window is how many broadcasts may be unfinished.
const window = 1 << 14

// ledger counts which broadcasts have reached which clients.
type ledger struct {
	receivers int
	sent      uint64 // broadcasts that have been asked for
	local     uint64 // broadcasts that all clients of this process have got, and all before them
	remote    uint64 // the same in the other process
	total     uint64 // deliveries
	told      uint64
	heard     []byte // of a number from the other process that has not arrived whole
	reached   [window]int32
	onLast    func(i uint64) // broadcast i, from 0, has reached its last client here
}

// deliver counts one message to c. Messages to rooms have no common order, and are only counted.
func (l *ledger) deliver(c *conn, ordered bool) error {
	i := c.got
	c.got++
	l.total++
	if !ordered {
		return nil
	}
	slot := &l.reached[i%window]
	if *slot++; int(*slot) < l.receivers {
		if i-l.local >= window {
			return fmt.Errorf("a client is %d broadcasts ahead of another one", window)
		}
		return nil
	}
	*slot = 0
	l.local++
	if l.onLast != nil {
		l.onLast(i)
	}
	return nil
}

// complete returns how many broadcasts have reached every client.
func (l *ledger) complete(cfg *Config) uint64 {
	if cfg.Peer != 0 && !cfg.Follow {
		return min(l.local, l.remote)
	}
	return l.local
}

// tell sends the other process how many broadcasts are complete here.
func (l *ledger) tell(cfg *Config) error {
	if !cfg.Follow || l.told == l.local {
		return nil
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], l.local)
	if _, err := unix.Write(cfg.Peer, b[:]); err != nil {
		return fmt.Errorf("telling the other generator: %w", err)
	}
	l.told = l.local
	return nil
}

// hear takes what the other process tells; the last number counts.
func (l *ledger) hear(fd int) error {
	var b [4096]byte
	n, err := unix.Read(fd, b[:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("hearing from the other generator: %w", err)
	case n == 0:
		return errors.New("the other generator is gone")
	}
	l.heard = append(l.heard, b[:n]...)
	for ; len(l.heard) >= 8; l.heard = l.heard[8:] {
		l.remote = binary.NativeEndian.Uint64(l.heard)
	}
	return nil
}

// Audit waits until every client has got n broadcasts since it connected, and checks that it has
// got no more. It is for a generator that follows: the other measurements do it themselves.
func (g *Generator) Audit(n uint64) error {
	err := g.loop(g.cfg.Limit, func() bool { return g.ledger.local >= n })
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	return g.audit(n)
}

// Sent returns how many broadcasts have been asked for.
func (g *Generator) Sent() uint64 { return g.ledger.sent }

// audit checks that every client has got all of the first n broadcasts, each once.
func (g *Generator) audit(n uint64) error {
	var lost, extra, clients uint64
	for _, c := range g.conns {
		if !c.receives {
			continue
		}
		if c.got != n {
			clients++
		}
		lost += n - min(n, c.got)
		extra += max(n, c.got) - n
	}
	switch {
	case clients > 0:
		return fmt.Errorf("of %d broadcasts to %d clients, %d deliveries are missing and %d are too many, at %d clients",
			n, g.ledger.receivers, lost, extra, clients)
	case g.ledger.complete(&g.cfg) < n:
		return fmt.Errorf("of %d broadcasts only %d have reached every client", n, g.ledger.complete(&g.cfg))
	}
	return nil
}

func nativeUint64(b [8]byte) uint64 { return binary.NativeEndian.Uint64(b[:]) }

// processTimes adds up the processor times of processes; of none it is that of this process.
func processTimes(pids []int) (sum time.Duration, err error) {
	if len(pids) == 0 {
		return processTime(0)
	}
	for _, pid := range pids {
		t, err := processTime(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// processTime returns the processor time, user and system, that a process has used since it
// started.
func processTime(pid int) (time.Duration, error) {
	// The kernel's number of the clock of a whole process: linux/posix-timers.h, CPUCLOCK_SCHED
	// without the bit of a thread.
	clock := int32(unix.CLOCK_PROCESS_CPUTIME_ID)
	if pid != 0 {
		clock = ^int32(pid)<<3 | 2
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
