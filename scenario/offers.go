package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// ContractError says that a target does not answer events that the scenario needs.
type ContractError struct {
	URL       string
	Namespace string
	Missing   []string // of join, echo, room and all
}

func (e *ContractError) Error() string {
	where := ""
	if e.Namespace != "/" {
		where = " in the namespace " + e.Namespace
	}
	return fmt.Sprintf("the target %s does not answer %s%s, which this scenario needs: let it offer the benchmark contract (bench/peers/node/contract.js has it in forty lines), "+
		"or say in contract: which of its own events do the same", e.URL, strings.Join(e.Missing, ", "), where)
}

// offeredWithin is how long a target may take to answer what the probe asks.
const offeredWithin = 5 * time.Second

// probeRoom is the room, and the event, of what the probe sends.
const probeRoom = "throng-probe"

// offers asks a target that is not the built-in server, once for each namespace, for what the
// scenario is going to ask. A scenario with a contract: knows the target's own events; there
// nothing is asked, nor for groups with a flow, which may have to log in first.
func (t *trial) offers(ctx context.Context) error {
	if t.server.builtIn || t.contract != nil || t.opt.trusting {
		return nil
	}
	asked := map[string]bool{}
	for _, g := range t.groups {
		if asked[g.spec.Namespace] || g.bare() || g.flow != nil {
			continue
		}
		asked[g.spec.Namespace] = true
		needs := t.needs(g.spec.Namespace)
		if len(needs) == 0 {
			continue
		}
		missing, err := t.ask(ctx, g, needs)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return &ContractError{URL: t.server.ep.URL, Namespace: g.spec.Namespace, Missing: missing}
		}
	}
	return nil
}

// needs lists what the groups of a namespace ask of the server, in the order in which it can be
// asked for.
func (t *trial) needs(namespace string) []string {
	var rooms, echo, room, all bool
	for _, g := range t.groups {
		if g.spec.Namespace != namespace || g.flow != nil {
			continue
		}
		rooms = rooms || g.spec.Rooms != nil
		for i := range g.spec.Send {
			s := &g.spec.Send[i]
			if s.Space > 0 {
				continue
			}
			echo = echo || s.Op == file.OpEcho && s.Ack > 0
			room = room || s.Op == file.OpRoom
			all = all || s.Op == file.OpAll
		}
	}
	var needs []string
	for _, n := range []struct {
		needed bool
		name   string
	}{{rooms, "join"}, {echo, file.OpEcho}, {room, file.OpRoom}, {all, file.OpAll}} {
		if n.needed {
			needs = append(needs, n.name)
		}
	}
	return needs
}

// ask connects a client of a group, sends it to ask for what is needed, and returns what was not
// answered.
func (t *trial) ask(ctx context.Context, g *group, needs []string) (missing []string, err error) {
	cfg := *g.config(0, g.transports[plan.TransportOf(g.spec.Transport, 0)])
	cfg.Timeout = connectedWithin
	d, err := t.dial(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	p := &prober{answered: make(chan string, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(p) // it ends because it is closed, or by a target that ends it: then nothing is answered
	}()
	defer func() {
		_ = d.Close()
		<-done
	}()
	timer := time.NewTimer(offeredWithin)
	defer timer.Stop()
	for i, need := range needs {
		if err := g.transmit(d.conn, g.question(need, i)); err != nil {
			return nil, fmt.Errorf("ask for %s: %w", need, err)
		}
	}
	open := slices.Clone(needs)
	for len(open) > 0 {
		select {
		case name := <-p.answered:
			if i, err := strconv.Atoi(name); err == nil && i < len(needs) {
				name = needs[i]
			}
			open = slices.DeleteFunc(open, func(need string) bool { return need == name })
		case <-done:
			return open, nil
		case <-timer.C:
			return open, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

// question is the packet that asks for one thing. Each answer tells which: a call by its number, a
// broadcast by its event.
func (g *group) question(need string, id int) []byte {
	b := append([]byte(nil), g.head...)
	event := string(socketio.AppendString(nil, probeRoom+"-"+need))
	room := string(socketio.AppendString(nil, probeRoom))
	switch need {
	case file.OpRoom:
		return append(b, `["room",`+room+`,`+event+`,0]`...)
	case file.OpAll:
		return append(b, `["all",`+event+`,0]`...)
	case file.OpEcho:
		return append(strconv.AppendInt(b, int64(id), 10), `["echo",0]`...)
	}
	return append(strconv.AppendInt(b, int64(id), 10), `["join",`+room+`]`...)
}

// A prober hears the answers to questions.
type prober struct {
	answered chan string // the number of a call, or the name of what was asked for
}

func (p *prober) Event(m *client.Message) {
	if need, ok := strings.CutPrefix(string(m.Name), probeRoom+"-"); ok {
		p.tell(need)
	}
}

func (p *prober) Ack(m *client.Message) { p.tell(strconv.FormatUint(m.ID, 10)) }

// tell does not block: more answers than questions tell nothing new.
func (p *prober) tell(what string) {
	select {
	case p.answered <- what:
	default:
	}
}
