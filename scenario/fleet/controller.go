package fleet

import (
	"io"
	"math"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// Options say which agents a controller takes.
type Options struct {
	URL string // of the NATS server; see natsconn.Options for credentials
	// Agents is how many agents the run needs; 0: all that are free.
	Agents int
	// Wait is how long to wait for so many; 0: 30 s.
	Wait time.Duration
	// Identity is the file of the controller's nkey; "": one is made for this run.
	Identity string
	// Log is told of agents that are not taken. May be nil.
	Log io.Writer
}

// A Controller is a fleet that a run has claimed. It is a [scenario.Fleet].
type Controller struct {
	conn *nats.Conn
	m    *member

	agents []result.Agent
	trial  uint32
	run    string
	proof  []byte
	keep   string // directory of this machine; "": each agent has its own
}

var _ scenario.Fleet = (*Controller)(nil)

// KeepIn makes agents that this process has started keep what they report of the next trials in a
// directory.
func (c *Controller) KeepIn(dir string) error {
	c.keep = dir
	return c.m.send(down, 0, isKeep, 0, []byte(dir))
}

// Close lets the agents go.
func (c *Controller) Close() {
	if c.m != nil {
		c.m.close()
		_ = c.conn.FlushTimeout(time.Second) // else they notice by our silence
	}
	c.conn.Close()
}

// Agents returns the agents with what is known of their clocks by now: of an agent that is gone, as
// it told last. The caller owns the list. Any goroutine may call it.
func (c *Controller) Agents() []result.Agent {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	out := append([]result.Agent(nil), c.agents...)
	for i := range out {
		at := c.m.clocks[i]
		out[i].OffsetUs, out[i].BoundUs = at.offset.Microseconds(), int64(math.Ceil(float64(at.bound)/1e3))
	}
	return out
}
