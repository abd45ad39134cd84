package scenario

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/metric"
)

// A pause is a probe's view of a process that has been held up since the trial's start, until it is
// over.
type pause struct {
	over  atomic.Bool
	asked atomic.Int64
}

func (p *pause) Held(at int64) int64 {
	p.asked.Add(1)
	if p.over.Load() {
		return 0
	}
	return at + int64(time.Second)
}

func (p *pause) Close() {}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s did not come", what)
		}
	}
}

// A step whose time is over while the generator is held up has its answer in the socket: it is
// looked for until the generator has read on. Without that, the step is late.
func TestAPauseIsNoDelayOfAStep(t *testing.T) {
	for _, paused := range []bool{true, false} {
		c, p := &saying{}, &pause{}
		tr, all := flowing(t, 1, "[{emit: [ask], ack: 5ms}, {emit: [more], ack: 30s}]", func(*actor) conn { return c })
		tr.watch.probe = p
		p.over.Store(!paused)
		a := all[0]
		a.hold()
		timeouts := func() (n int64) {
			for _, e := range tr.errors.Counts() {
				if e.Class == metric.Error(metric.ErrStep, metric.HowTimeout) {
					n += e.N
				}
			}
			return n
		}
		if !paused {
			until(t, "the end of the step's time", func() bool { return timeouts() == 1 })
			continue
		}
		until(t, "a second look after the end of the step's time", func() bool { return p.asked.Load() > 1 })
		a.Ack(&client.Message{ID: 0, HasID: true, At: client.Now()})
		until(t, "the next step", func() bool { return c.sent.Load() == 2 })
		if n := timeouts(); n != 0 {
			t.Errorf("%d timeouts, want the answer to bring the next step", n)
		}
	}
}

// Requests and joins likewise.
func TestAPauseIsNoDelayOfRequestsAndJoins(t *testing.T) {
	tr, _ := flowing(t, 0, "[{think: 1s}]", nil)
	p := &pause{}
	tr.watch.probe = p
	defer tr.alarms.Close()
	over := make(chan struct{})
	join := tr.timeout(time.Millisecond, func() { close(over) })
	ctx, cancel := tr.within(t.Context(), time.Millisecond)
	defer cancel()
	until(t, "looks after the end of the time", func() bool { return p.asked.Load() > 4 })
	select {
	case <-over:
		t.Error("a join was late while the generator was held up")
	case <-ctx.Done():
		t.Error("a request was late while the generator was held up")
	default:
	}
	p.over.Store(true)
	<-over
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		t.Errorf("the context ended since %v", context.Cause(ctx))
	}
	join.stop()
}

// A connection for which there was no time is tried once more when the generator was held up, and
// no more than once: a server that never answers is found out whatever the generator does.
func TestAPauseIsNoDelayOfAConnection(t *testing.T) {
	tr, _ := flowing(t, 0, "[{think: 1s}]", nil)
	late := &client.DialError{Stage: "open", Class: metric.HowTimeout, Err: context.DeadlineExceeded}
	for name, test := range map[string]struct {
		paused        bool
		failures      int
		want          int
		fails, broken bool
	}{
		"held up":                  {paused: true, failures: 1, want: 2},
		"held up, and never there": {paused: true, failures: 9, want: 2, fails: true},
		"not held up":              {failures: 1, want: 1, fails: true},
		"an upgrade":               {paused: true, failures: 1, want: 2, broken: true},
	} {
		p := &pause{}
		p.over.Store(!test.paused)
		tr.watch.probe = p
		tries, ended := 0, &endedConn{}
		tr.dial = func(context.Context, *client.Config) (dialed, error) {
			if tries++; tries > test.failures {
				return dialed{conn: &saying{}}, nil
			}
			if test.broken {
				return dialed{conn: ended, upgrade: late}, nil
			}
			return dialed{}, late
		}
		d, _, err := newActor(tr, tr.groups[0], 0, 0).attempt(t.Context())
		if tries != test.want || (err != nil) != test.fails || d.upgrade != nil || ended.closed != test.broken {
			t.Errorf("%s: %d tries: %v, %+v", name, tries, err, d)
		}
	}
}

// An endedConn notes that it was closed, and has been read.
type endedConn struct {
	conn
	closed bool
}

func (c *endedConn) Run(client.Handler) error {
	return &client.CloseError{Reason: client.ClientDisconnect}
}

func (c *endedConn) Close() error {
	c.closed = true
	return nil
}
