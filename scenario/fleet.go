package scenario

import (
	"context"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// A Fleet runs the clients of trials in other processes, its agents. This process is their
// controller: it starts the server, injects the server's faults, judges, and makes the result. One
// goroutine at a time.
type Fleet interface {
	// Agents returns the agents that take part, in the order by which clients are divided. The
	// caller may read it after the trial again, for the clocks' latest bounds.
	Agents() []result.Agent
	// Begin gives each agent its part of a trial. It returns when all are ready, or why one is not:
	// the error of its RunPart with its name, as EncodeRefusal and DecodeRefusal pass it on, or an
	// *AgentError.
	Begin(ctx context.Context, job []byte) (Parts, error)
}

// AgentError says that an agent is gone, or does not answer, so that no trial can begin.
type AgentError struct{ Err error }

func (e *AgentError) Error() string { return e.Err.Error() }

func (e *AgentError) Unwrap() error { return e.Err }

// Parts are the parts of one trial, as the controller sees them. One goroutine at a time calls
// Start and Tell, and one calls Next beside it; Close may be called by any.
type Parts interface {
	// Start makes all agents begin at a moment of this process's client.Now.
	Start(epoch time.Duration) error
	// Tell sends an order to every agent; orders arrive in order.
	Tell(order []byte) error
	// Next returns the next message of any agent, in order for each agent. The caller owns Data.
	Next(ctx context.Context) (PartMessage, error)
	// Ticket is what Collect's caller needs to find again what the agents keep of the trial; "":
	// they keep nothing. No one else is to see it.
	Ticket() string
	// Close ends the trial: agents end what still runs of it, and Next returns an error.
	Close() error
}

// A PartMessage is what an agent reports, or that it is lost.
type PartMessage struct {
	Agent int // its place among Fleet.Agents
	Data  []byte
	Lost  error // not nil: the agent is gone, and nothing more comes from it
}

// A Party is the agents of a trial, as one of them sees the others.
type Party interface {
	// Self is the place of this agent among Agents.
	Self() int
	// Agents are those that take part, in the controller's order.
	Agents() []result.Agent
	// Bound is the largest error between the clocks of any two agents; 0: they have one clock.
	Bound() time.Duration
}

// A Link connects an agent's part of a trial with the controller and with the other agents. Report
// and Mesh may be called by any goroutine; they may block, and do not keep data. Next is called by
// one goroutine.
type Link interface {
	Party
	// Epoch reports that this part is ready, waits for the controller's Start, and returns the
	// epoch on the fleet's clock.
	Epoch(ctx context.Context) (time.Duration, error)
	// Fleet turns a moment of this process's client.Now into one of the fleet's clock, which is
	// the controller's client.Now. It never goes back, and may be called by any goroutine for each
	// message.
	Fleet(local time.Duration) time.Duration
	// Report sends a message to the controller; messages arrive in order.
	Report(data []byte) error
	// Mesh sends a message to another agent, or to all others with -1; all messages to an agent
	// arrive in order, whichever way they were sent.
	Mesh(to int, data []byte) error
	// Next returns the next message, in order for each sender; the caller owns Data. An error: the
	// controller is gone.
	Next(ctx context.Context) (LinkMessage, error)
}

// A LinkMessage is what the controller or another agent sends to an agent.
type LinkMessage struct {
	From int // the place of the agent among Link.Agents; -1: the controller
	Data []byte
}
