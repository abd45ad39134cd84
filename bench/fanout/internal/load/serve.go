//go:build linux

package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// A Command is one order to a generator that is a process of its own.
type Command struct {
	Do     string  // open, more, flood, senders, paced, echo, calls, push, rooms, roomflood, rest, audit
	Config *Config `json:",omitempty"` // open
	// more: connections; flood, senders, roomflood: in flight; paced, audit: broadcasts; calls:
	// requests; push: messages; rooms: rounds
	N int `json:",omitempty"`
	// paced: broadcasts per second; calls: requests per second
	Rate     float64       `json:",omitempty"`
	Duration time.Duration `json:",omitempty"` // flood, senders, roomflood, echo, rest; push: its period

	Event string `json:",omitempty"` // echo: the event that is answered

	// Busy makes the generator ask again and again instead of sleeping, so that no server pays for
	// waking it: over loopback that is part of the writer's time, and depends on how fast the
	// reader happens to be.
	Busy bool `json:",omitempty"`
}

// An Answer is what became of a command.
type Answer struct {
	Error  string `json:",omitempty"`
	Sent   uint64 // broadcasts that this generator has asked for since it started
	Result *Result
}

// Serve carries out commands from standard input, one JSON value a line, until it ends, and
// answers each with a line. The connections live on between commands.
func Serve(out io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var g *Generator
	defer func() {
		if g != nil {
			g.Close()
		}
	}()
	lines, enc := bufio.NewReader(os.Stdin), json.NewEncoder(out)
	for {
		if g != nil && lines.Buffered() == 0 {
			if err := g.Idle(); err != nil {
				return errors.Join(err, enc.Encode(Answer{Error: err.Error()}))
			}
		}
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var c Command
		if err == nil {
			err = json.Unmarshal(line, &c)
		}
		if err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		var a Answer
		if g, a.Result, err = obey(g, c); err != nil {
			a.Error = err.Error()
		}
		if g != nil {
			a.Sent = g.Sent()
		}
		if err := enc.Encode(a); err != nil {
			return fmt.Errorf("answering a command: %w", err)
		}
	}
}

// obey carries out one command; the first one makes the generator.
func obey(g *Generator, c Command) (*Generator, *Result, error) {
	if g == nil {
		if c.Do != "open" || c.Config == nil {
			return nil, nil, fmt.Errorf("the first command is open, not %q", c.Do)
		}
		c.Config.Stdin = true
		g, err := New(*c.Config)
		if err != nil {
			return nil, nil, err
		}
		r, err := g.opening(g.Connect)
		return g, r, err
	}
	r, err := g.do(c)
	return g, r, err
}

func (g *Generator) do(c Command) (*Result, error) {
	g.busy = c.Busy
	defer func() { g.busy = false }()
	switch c.Do {
	case "more":
		return g.opening(func() error { return g.ConnectMore(c.N) })
	case "flood":
		return g.Flood(c.N, c.Duration)
	case "senders":
		return g.Senders(c.N, c.Duration)
	case "paced":
		return g.Paced(c.Rate, c.N)
	case "echo":
		return g.Echo(c.Event, c.Duration)
	case "calls":
		return g.Calls(c.Rate, c.N)
	case "push":
		return g.Push(c.Duration, c.N)
	case "rooms":
		return g.Rooms(c.N)
	case "roomflood":
		return g.RoomFlood(c.N, c.Duration)
	case "rest":
		return nil, g.Rest(c.Duration)
	case "audit":
		return nil, g.Audit(uint64(c.N))
	}
	return nil, fmt.Errorf("unknown command %q", c.Do)
}

// opening measures what connecting costs.
func (g *Generator) opening(connect func() error) (*Result, error) {
	start, err := g.now()
	if err != nil {
		return nil, err
	}
	if err := connect(); err != nil {
		return nil, err
	}
	return g.since(start)
}
