package bus

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// health knows whether a broker is there. The log says once that it fails, and once that it
// works again, however many connections and attempts there are.
type health struct {
	log    *slog.Logger
	name   string                          // of the kind of broker
	counts func() (dropped, failed uint64) // messages, since the start

	mu     sync.Mutex
	down   map[any]error // the parts of the bus that do not work, and why
	since  time.Time     // when the first of these failed
	said   time.Time     // when the log got its last line
	left   int           // outages without a line in the log
	silent bool          // the broker fails, and the log has no line about it yet
	later  *time.Timer   // writes that line

	dropped, failed uint64 // at since

	behind, unsaid uint64    // messages of streams that were not read here, and those of them that the log has not
	told           time.Time // when the log got a line about them
}

// logInterval is the shortest time from one line of the log about a lost broker to the next.
const logInterval = 10 * time.Second

// fails notes that a part of the bus does not work.
func (h *health) fails(part any, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down == nil {
		h.down = map[any]error{}
	}
	first := len(h.down) == 0
	h.down[part] = err
	if !first {
		return
	}
	h.since = time.Now()
	h.dropped, h.failed = h.counts()
	if wait := logInterval - time.Since(h.said); wait > 0 && !h.said.IsZero() {
		h.silent = true
		h.left++
		h.later = time.AfterFunc(wait, h.overdue)
		return
	}
	h.report(err)
}

// overdue writes the line that had to wait, if the broker still fails.
func (h *health) overdue() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.silent {
		return
	}
	h.silent = false
	for _, err := range h.down {
		h.left--
		h.report(err)
		return
	}
}

func (h *health) report(err error) {
	h.said = time.Now()
	h.log.Error("the broker fails: other servers are not reached", "broker", h.name, "error", err, "left_out", h.left)
	h.left = 0
}

// note is fails with an error, and works without one.
func (h *health) note(part any, err error) {
	if err != nil {
		h.fails(part, err)
		return
	}
	h.works(part)
}

// works notes that a part works, and reports whether it did not before.
func (h *health) works(part any) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, was := h.down[part]; !was {
		return false
	}
	delete(h.down, part)
	if len(h.down) > 0 {
		return true
	}
	if h.silent {
		h.silent = false
		h.later.Stop()
		return true
	}
	dropped, failed := h.counts()
	h.log.Info("the broker works again", "broker", h.name, "after", time.Since(h.since).Round(time.Millisecond), "dropped", dropped-h.dropped, "failed", failed-h.failed)
	return true
}

// healthy reports whether everything works.
func (h *health) healthy() bool { return h.why() == nil }

// why is why something does not work; nil if everything does.
func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, err := range h.down {
		return err
	}
	return nil
}

// because adds to an error why something does not work, if that is known.
func (h *health) because(err error) error {
	if why := h.why(); err != nil && why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// fellBehind notes messages that a stream dropped before they were read here.
func (h *health) fellBehind(stream string, messages uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind += messages
	h.unsaid += messages
	if time.Since(h.told) < logInterval {
		return
	}
	h.log.Error("a stream has dropped messages that this server had not read yet; raise StreamLength", "broker", h.name, "stream", stream, "messages", h.unsaid)
	h.unsaid, h.told = 0, time.Now()
}

// beganAgain notes that a stream ends before what was read of it last. No client makes it do so.
func (h *health) beganAgain(stream, last, end string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.told) < logInterval {
		return
	}
	h.told = time.Now()
	h.log.Error("a stream was made anew, or lacks what was added last: messages that were added to it since may not have been read here",
		"broker", h.name, "stream", stream, "read", last, "end", end)
}

// missed is how many messages streams dropped before they were read here.
func (h *health) missed() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.behind
}

// close ends the wait for a line.
func (h *health) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent = false
	if h.later != nil {
		h.later.Stop()
	}
}
