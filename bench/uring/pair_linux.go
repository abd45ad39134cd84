package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/softirqd"
)

// A pair is the writer's ends of connections, and the receiver at the others.
type pair struct {
	sockets []int
	frame   []byte
	child   *exec.Cmd
	in      io.Closer
	out     *bufio.Reader
	// The writer's processor, and the kernel's thread there.
	cpu, softirqd int
	allowed       unix.CPUSet // where the calling thread may run, before it was moved
}

// connect starts a receiver on the second processor, and moves the calling thread to the first
// until close.
func connect(ctx context.Context, n, size int) (*pair, error) {
	if err := raiseLimit(n); err != nil {
		return nil, err
	}
	p := &pair{frame: make([]byte, size)}
	if err := p.open(ctx, n); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pair) open(ctx context.Context, n int) (err error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(listener)) }()
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(listener, 1024); err != nil {
		return err
	}
	at, err := unix.Getsockname(listener)
	if err != nil {
		return err
	}
	port := at.(*unix.SockaddrInet4).Port // of the family that it was made with
	if err := p.start(ctx, port, n, len(p.frame)); err != nil {
		return err
	}
	for range n {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accepting: %w", err)
		}
		p.sockets = append(p.sockets, fd)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) start(ctx context.Context, port, n, size int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.child = exec.CommandContext(ctx, self, receiver.Name, strconv.Itoa(port), strconv.Itoa(n), strconv.Itoa(size))
	p.child.Stderr = os.Stderr
	p.child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.in, err = p.child.StdinPipe(); err != nil {
		return err
	}
	out, err := p.child.StdoutPipe()
	if err != nil {
		return err
	}
	p.out = bufio.NewReader(out)
	if err := unix.SchedGetaffinity(0, &p.allowed); err != nil {
		return err
	}
	var own, other unix.CPUSet
	for cpu := range 1024 {
		if p.allowed.IsSet(cpu) && own.Count() == 0 {
			own.Set(cpu)
			p.cpu = cpu
		} else if p.allowed.IsSet(cpu) && other.Count() == 0 {
			other.Set(cpu)
		}
	}
	if other.Count() == 0 {
		return errors.New("two processors are needed: one for the writer, one for the receiver")
	}
	if p.softirqd, err = softirqd.Find(p.cpu); err != nil {
		return err
	}
	// A child begins where its parent's thread is.
	if err := unix.SchedSetaffinity(0, &other); err != nil {
		return err
	}
	if err := p.child.Start(); err != nil {
		return err
	}
	return unix.SchedSetaffinity(0, &own)
}

// close ends the receiver, and lets the calling thread run where it might before.
func (p *pair) close() {
	if p.allowed.Count() > 0 {
		_ = unix.SchedSetaffinity(0, &p.allowed) // as it was
	}
	for _, s := range p.sockets {
		_ = unix.Close(s) // nothing is under way
	}
	if p.child == nil || p.child.Process == nil {
		return
	}
	_ = p.in.Close()
	_ = p.child.Process.Kill()
	_ = p.child.Wait() // killed, as it was told
}

// A cost is what rounds took, for each socket.
type cost struct {
	own    float64 // µs of processor time of this process
	others float64 // µs of the kernel's thread that receives what the writer has left to it
	lost   float64 // packets that it came too late for; TCP has sent them again
}

// measure writes rounds, each after the receiver has all of the one before.
func (p *pair) measure(round func([]int, []byte) error, count int) (cost, error) {
	runtime.GC() // not while the clock runs
	var spent time.Duration
	others, lost, err := p.kernel()
	if err != nil {
		return cost{}, err
	}
	for range count {
		before, err := processTime()
		if err != nil {
			return cost{}, err
		}
		if err := round(p.sockets, p.frame); err != nil {
			return cost{}, err
		}
		after, err := processTime()
		if err != nil {
			return cost{}, err
		}
		spent += after - before
		if _, err := p.out.ReadByte(); err != nil {
			return cost{}, fmt.Errorf("waiting for the receiver: %w", err)
		}
	}
	others2, lost2, err := p.kernel()
	if err != nil {
		return cost{}, err
	}
	n := float64(count * len(p.sockets))
	return cost{own: micros(spent) / n, others: micros(others2-others) / n, lost: float64(lost2-lost) / n}, nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// kernel reads the processor time of ksoftirqd on the writer's processor, and how many packets have
// found the queue of the network there full. Both are of all that the machine does.
func (p *pair) kernel() (softirqs time.Duration, lost uint64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", p.softirqd))
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(string(text), &softirqs); err != nil {
		return 0, 0, fmt.Errorf("schedstat of ksoftirqd: %w", err)
	}
	if text, err = os.ReadFile("/proc/net/softnet_stat"); err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 13 {
			return 0, 0, errors.New("softnet_stat does not name processors: a kernel before 5.10")
		}
		if cpu, err := strconv.ParseUint(fields[12], 16, 32); err == nil && int(cpu) == p.cpu {
			lost, err = strconv.ParseUint(fields[1], 16, 64)
			return softirqs, lost, err
		}
	}
	return 0, 0, fmt.Errorf("softnet_stat has no line of processor %d", p.cpu)
}

// processTime is the processor time of all threads of this process.
func processTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}
