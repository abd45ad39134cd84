package machine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// Floor is the delay of this machine without load: figures of a generator below it cannot be
// trusted.
type Floor struct {
	// how late sleeps of 1 ms end the way that the runner waits
	Pacer     Spread `json:"pacer"`
	Timer     Spread `json:"timer"`      // how late time.Sleep(1ms) ends
	RoundTrip Spread `json:"round_trip"` // of 64 bytes over a TCP connection on loopback
	// from a due time to the answer over that connection: lateness and round trip together
	Echo Spread `json:"echo"`
	// share of all cores in use meanwhile, this measurement included; 0: unknown
	Busy float64 `json:"busy"`
	// share of the CPU time meanwhile that other virtual machines took
	Steal   float64 `json:"steal"`
	Seconds float64 `json:"seconds"` // how long it took
}

// Spread is a distribution of durations.
type Spread struct {
	N    int           `json:"n"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"` // the longest when N is below 1000
	Max  time.Duration `json:"max_ns"`
}

// spread sorts the samples. A quantile is the least sample that this share of all does not exceed.
func spread(samples []time.Duration) Spread {
	n := len(samples)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(samples)
	at := func(permille int) time.Duration { return samples[max((n*permille+999)/1000, 1)-1] }
	return Spread{N: n, P50: at(500), P99: at(990), P999: at(999), Max: samples[n-1]}
}

// Waits between the samples of the floor: a millisecond is what the timers of the system are made
// for; messages come more often, and still each finds the other side asleep.
const (
	nap      = time.Millisecond
	interval = 300 * time.Microsecond
)

// Measure finds the floor in about the given time: a quarter of it for each kind of timer, the rest
// for loopback. It keeps one core partly busy, and shows the machine as it is meanwhile: a busy one
// has a higher floor. It ends early with ctx's error, and fails when loopback does not work.
func Measure(ctx context.Context, total time.Duration) (Floor, error) {
	var f Floor
	root := os.DirFS("/")
	before, start := readTicks(root), time.Now()
	f.Pacer = spread(<-precisely(func() []time.Duration {
		return lateness(ctx, total/4, func(due time.Time) {
			for wait := time.Until(due); wait > 0; wait = time.Until(due) {
				Sleep(wait)
			}
		})
	}))
	f.Timer = spread(lateness(ctx, total/4, func(due time.Time) {
		time.Sleep(time.Until(due)) //nolint:forbidigo // its lateness is the measurement
	}))
	var err error
	if f.RoundTrip, f.Echo, err = loopback(ctx, total/2); err != nil && ctx.Err() == nil {
		return f, fmt.Errorf("measure a round trip over loopback: %w", err)
	}
	f.Seconds = time.Since(start).Seconds()
	if after := readTicks(root); after.total > before.total {
		f.Busy = float64(after.busy-before.busy) / float64(after.total-before.total)
		f.Steal = float64(after.steal-before.steal) / float64(after.total-before.total)
	}
	return f, ctx.Err()
}

// precisely calls f on a goroutine of its own that is fit for pacing. When the result comes, the
// runtime is as it was.
func precisely[T any](f func() T) <-chan T {
	done := make(chan T, 1)
	go func() {
		restore := Precise()
		result := f()
		restore()
		done <- result
	}()
	return done
}

// lateness waits for a due time again and again and returns how late each wait ended.
func lateness(ctx context.Context, total time.Duration, wait func(due time.Time)) []time.Duration {
	samples := make([]time.Duration, 0, total/nap+1)
	for end := time.Now().Add(total); time.Now().Before(end) && ctx.Err() == nil; {
		due := time.Now().Add(nap)
		wait(due)
		samples = append(samples, max(time.Since(due), 0))
	}
	return samples
}

// pingSize is the length of a message: when it was due and when it was written, both after start,
// and nothing more.
const pingSize = 64

// loopback sends messages through a TCP connection to itself, on a schedule, the way that a run
// does: one thread paces and writes, one goroutine answers, another one reads.
func loopback(ctx context.Context, total time.Duration) (roundTrip, echo Spread, err error) {
	near, far, err := pair(ctx)
	if err != nil {
		return Spread{}, Spread{}, err
	}
	// Whatever happens, everything below ends.
	deadline := time.Now().Add(total + 10*time.Second)
	_ = near.SetDeadline(deadline)
	_ = far.SetDeadline(deadline)
	start := time.Now()
	answered := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{far}, struct{ io.Reader }{far}, make([]byte, pingSize))
		_ = far.Close()
		answered <- err
	}()
	wrote := precisely(func() error { return write(ctx, near, start, total) })
	var trips, echoes []time.Duration
	var readErr error
	for buf := make([]byte, pingSize); ; {
		if _, readErr = io.ReadFull(near, buf); readErr != nil {
			break
		}
		now := time.Since(start)
		echoes = append(echoes, now-time.Duration(binary.BigEndian.Uint64(buf)))
		trips = append(trips, now-time.Duration(binary.BigEndian.Uint64(buf[8:])))
	}
	if errors.Is(readErr, io.EOF) { // the answering side ended after the writing one
		readErr = nil
	}
	_ = near.Close()
	err = errors.Join(<-wrote, <-answered, readErr)
	return spread(trips), spread(echoes), err
}

// write sends messages on an absolute schedule until the time is over, and then no more.
func write(ctx context.Context, conn *net.TCPConn, start time.Time, total time.Duration) error {
	ping := make([]byte, pingSize)
	// from now: a machine that stood still before has measured nothing yet
	end := time.Since(start) + total
	for due := end - total + interval; due < end && ctx.Err() == nil; due += interval {
		for wait := due - time.Since(start); wait > 0; wait = due - time.Since(start) {
			Sleep(wait)
		}
		binary.BigEndian.PutUint64(ping, uint64(due))
		binary.BigEndian.PutUint64(ping[8:], uint64(time.Since(start)))
		if _, err := conn.Write(ping); err != nil {
			return err
		}
	}
	return conn.CloseWrite()
}

// pair returns both ends of a TCP connection over loopback.
func pair(ctx context.Context) (near, far *net.TCPConn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	// The kernel completes the connection before anybody accepts it.
	var d net.Dialer
	out, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	in, err := l.Accept()
	if err != nil {
		_ = out.Close()
		return nil, nil, err
	}
	near, nearOK := out.(*net.TCPConn)
	far, farOK := in.(*net.TCPConn)
	if !nearOK || !farOK {
		return nil, nil, errors.New("loopback gave no TCP connection")
	}
	return near, far, nil
}
