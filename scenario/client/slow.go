package client

import (
	"sync"
	"sync/atomic"
	"time"
)

// Slow makes a client a slow consumer from [Client.Run] on: bytes that it does
// not read stay in the network, whose buffers it keeps small, and then in the
// server. Dialing is not slowed. Sending is not either. The zero Slow is as fast
// as any, and can be told to stall ([Client.Stall]).
type Slow struct {
	Rate  float64       // bytes a second that it reads at most, above TCP; 0 = no limit
	Stall time.Duration // it reads nothing for that long; 0 = never
	Every time.Duration // from the start of one stall to the start of the next; 0 = only one stall
	First time.Duration // from the start of Run to the first stall
}

const (
	// slowWindow is how much of a slow client's rate may come at once.
	slowWindow = 100 * time.Millisecond
	// slowBuffer is the kernel's receive buffer of a client that stalls. It is small because the
	// server does not notice a stall until this buffer is full.
	slowBuffer = 16 << 10
	minBuffer  = 4 << 10
)

// buffer is the size of the receive buffer to ask the kernel for; 0: its choice.
func (s *Slow) buffer() int {
	if s.Rate <= 0 && s.Stall <= 0 {
		return 0
	}
	if s.Rate <= 0 {
		return slowBuffer
	}
	return int(min(max(s.Rate/4, minBuffer), slowBuffer))
}

// A pace lets a slow client read. It belongs to the reading goroutine, but for
// end.
type pace struct {
	slow  Slow
	began time.Duration
	at    time.Duration // the budget as of then
	left  float64       // bytes that may be read now

	until atomic.Int64 // it reads nothing before

	once  sync.Once
	ended chan struct{}
}

func newPace(s *Slow) *pace {
	if s == nil {
		return nil
	}
	return &pace{slow: *s, ended: make(chan struct{})}
}

// start begins the time of the first stall.
func (p *pace) start() {
	if p != nil {
		p.began = Now()
		p.at = p.began
	}
}

// end lets a waiting reader go. Any goroutine may call it.
func (p *pace) end() {
	if p != nil {
		p.once.Do(func() { close(p.ended) })
	}
}

// allow waits until the client may read and returns how many bytes; now says not
// to wait: 0 is none.
func (p *pace) allow(now bool) int {
	for {
		wait, n := p.next(Now())
		if wait <= 0 || now {
			return n
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.ended:
			timer.Stop()
			return readSize // the read that follows finds the connection closed
		}
	}
}

// next says how long to wait at a moment, or else how much to read.
func (p *pace) next(now time.Duration) (wait time.Duration, n int) {
	if wait := max(p.stalled(now-p.began), time.Duration(p.until.Load())-now); wait > 0 {
		p.at, p.left = now+wait, 0 // nothing gathers while it stands still
		return wait, 0
	}
	if p.slow.Rate <= 0 {
		return 0, readSize
	}
	most := max(p.slow.Rate*slowWindow.Seconds(), 1)
	p.left = min(p.left+(now-p.at).Seconds()*p.slow.Rate, most)
	p.at = now
	least := min(most, 512)
	if p.left < least {
		return max(time.Millisecond, time.Duration((least-p.left)/p.slow.Rate*float64(time.Second))), 0
	}
	return 0, int(p.left)
}

// stalled is how long a stall still lasts that is under way a time after the
// start; 0: there is none.
func (p *pace) stalled(since time.Duration) time.Duration {
	s := &p.slow
	since -= s.First
	if s.Stall <= 0 || since < 0 {
		return 0
	}
	if s.Every > 0 {
		since %= s.Every
	}
	return max(0, s.Stall-since)
}

// took notes the bytes read.
func (p *pace) took(n int) { p.left -= float64(n) }
