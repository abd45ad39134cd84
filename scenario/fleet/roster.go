package fleet

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/protocol/natsconn"
	"github.com/throng-io/throng/scenario/result"
)

// rosterTime is how long agents have to answer who is there.
const rosterTime = 2 * time.Second

// A Listed is an agent as `throng fleet` lists it.
type Listed struct {
	result.Agent

	ID    string `json:"id"`
	State string `json:"state"` // free, busy, or other build
}

// roster asks which agents there are, in the order of their names. want ends the wait when so many
// are there that can be claimed; 0: the whole time is waited.
func roster(ctx context.Context, conn *nats.Conn, want int) ([]card, error) {
	ctx, cancel := context.WithTimeout(ctx, rosterTime)
	defer cancel()
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := conn.PublishRequest(helloSubject, inbox, nil); err != nil {
		return nil, err
	}
	var cards []card
	for free := 0; want == 0 || free < want; {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || natsconn.Refused(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		var c card
		if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
			break // nobody listens
		}
		if len(msg.Data) > maxText || json.Unmarshal(msg.Data, &c) != nil || !c.plausible() {
			continue // a stranger's
		}
		if slices.ContainsFunc(cards, func(other card) bool { return other.ID == c.ID }) {
			continue
		}
		cards = append(cards, c)
		if c.state() == stateFree {
			free++
		}
	}
	if err := conn.LastError(); len(cards) == 0 && natsconn.Refused(err) {
		return nil, refusal(err) // nobody could answer
	}
	slices.SortFunc(cards, func(a, b card) int { return cmp.Or(cmp.Compare(a.Agent.Name, b.Agent.Name), cmp.Compare(a.ID, b.ID)) })
	return cards, nil
}

// distinguish gives agents of one name names of their own: gen, gen-2, gen-3. All that is said of
// an agent, in results too, names it.
func distinguish(agents []result.Agent) {
	taken := map[string]bool{}
	for i := range agents {
		taken[agents[i].Name] = true
	}
	seen := map[string]bool{}
	for i := range agents {
		name := agents[i].Name
		for n := 2; seen[name]; n++ {
			if other := fmt.Sprintf("%s-%d", agents[i].Name, n); !taken[other] {
				name = other
			}
		}
		agents[i].Name, seen[name], taken[name] = name, true, true
	}
}

// plausible refuses cards that no agent of ours writes.
func (c *card) plausible() bool {
	if !simple.MatchString(c.ID) || !simple.MatchString(c.Agent.Name) || len(c.Agent.Labels) > 64 || c.Agent.Weight < 0 {
		return false
	}
	for k, v := range c.Agent.Labels {
		if !simple.MatchString(k) || !simple.MatchString(v) {
			return false
		}
	}
	c.Agent.Version, c.Agent.Host = result.Short(c.Agent.Version, result.MaxText), result.Short(c.Agent.Host, result.MaxText)
	return true
}

// The states of an agent.
const (
	stateFree  = "free"
	stateBusy  = "busy"
	stateOther = "other build"
)

func (c *card) state() string {
	switch {
	case c.Agent.Version != Build():
		return stateOther
	case c.Run != "":
		return stateBusy
	}
	return stateFree
}

// List returns the agents that answer on a NATS server, and how far their clocks are off.
func List(ctx context.Context, url string) ([]Listed, error) {
	conn, err := connect(url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	cards, err := roster(ctx, conn, 0)
	if err != nil {
		return nil, err
	}
	own := ownTimebase()
	out := make([]Listed, 0, len(cards))
	for i := range cards {
		c := &cards[i]
		if _, same := c.Time.to(own); !same {
			c.Agent.OffsetUs, c.Agent.BoundUs = compareClocks(ctx, conn, c.ID)
		}
		out = append(out, Listed{Agent: c.Agent, ID: c.ID, State: c.state()})
	}
	return out, nil
}

// Uncompared is the bound of an agent's clock, in microseconds, that could not be compared.
const Uncompared = int64(uncompared / time.Microsecond)

// compareClocks asks an agent that is in no run what time of the day it has, and returns how much
// its clock is ahead and the error, in microseconds.
func compareClocks(ctx context.Context, conn *nats.Conn, id string) (offset, bound int64) {
	var all []exchange
	for range burstSize {
		e := exchange{asked: time.Duration(time.Now().UnixNano())}
		short, cancel := context.WithTimeout(ctx, timeWait)
		msg, err := conn.RequestWithContext(short, agentSubject+id+".time", nil)
		cancel()
		e.back = time.Duration(time.Now().UnixNano())
		if err != nil || len(msg.Data) != 8 {
			return 0, Uncompared
		}
		e.came = time.Duration(binary.BigEndian.Uint64(msg.Data))
		e.answered = e.came
		all = append(all, e)
	}
	l := fit(all, all[0].at())
	return int64(l.offset) / 1000, int64(math.Ceil(float64(l.bound) / 1e3))
}
