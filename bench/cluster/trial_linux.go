package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/brokers"
)

// forms are the adapters, by the schemes of their addresses.
var forms = []string{"redis", "redis+sharded", "redis+streams", "nats"}

// members is how many servers a cluster has. The last one is the one to which faults of one server
// happen.
const members = 3

// every is the time from one message of a server to the next.
const every = 10 * time.Millisecond

// trial is one fault of one adapter.
type trial struct {
	fault *fault
	form  string

	broker  *brokers.Process // alone; nil where the fault has a broker of its own
	url     string           // of that one, for servers
	stop    func() error
	guarded *brokers.Guarded
	masters brokers.Several
	links   links    // between servers and broker; nil for none
	network *network // of the last server; nil if it has that of all
	prefix  string
	members []*member

	begun, ended time.Time     // the fault
	over         time.Time     // all servers reached each other again
	base         []*state      // before the fault
	extra        []*member     // of another cluster
	sent         int           // messages of an unknown type
	recovered    time.Duration // until a question was answered by all
}

// outcome is what a trial shows.
type outcome struct {
	Fault, Form string
	Recovery    time.Duration // from the end of the fault until every server reached every other one again
	Lost, Owed  int           // deliveries from one server to another
	Slowest     time.Duration // delivery of a server to its own client, until then
	Wrong       []string      // what did not hold
}

// run lets a fault happen to a cluster.
func run(f *fault, form string) (o outcome, err error) {
	t := &trial{fault: f, form: form}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.start(); err != nil {
		return o, err
	}
	if err := t.goThrough(); err != nil {
		return o, fmt.Errorf("%w\n%s", err, t.logs())
	}
	return t.account()
}

func (t *trial) start() (err error) {
	host := "127.0.0.1"
	if t.fault.network {
		if t.network, err = newNetwork(); err != nil {
			return err
		}
		host = t.network.host
	}
	if t.fault.broker != nil {
		err = t.fault.broker(t)
	} else {
		t.broker, err = startBroker(t.form, host)
	}
	if err != nil {
		return err
	}
	if t.fault.link {
		if t.links, err = newLinks(t.broker.Addr, members); err != nil {
			return err
		}
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // it does not fail
	t.prefix = hex.EncodeToString(random[:])
	for i := range members {
		m, err := t.join(i, t.prefix)
		if err != nil {
			return err
		}
		t.members = append(t.members, m)
	}
	return t.until("all servers know each other", func() (bool, error) {
		return t.all(func(m *member, s *state) bool { return s.Stats.Nodes == members-1 && s.Stats.Connected })
	})
}

func startBroker(form, host string) (*brokers.Process, error) {
	switch form {
	case "nats":
		return brokers.NATS(host)
	case "redis+streams":
		return brokers.Redis(host, brokers.Durable...)
	}
	return brokers.Redis(host)
}

// join starts a server.
func (t *trial) join(number int, prefix string) (*member, error) {
	url, namespace := t.url, ""
	if url == "" {
		url = t.form + "://" + t.broker.Addr
	}
	if t.links != nil && number < members {
		url = t.form + "://" + t.links[number].Addr()
	}
	if t.network != nil && number == members-1 {
		namespace = t.network.name
	}
	return startMember(nodeSpec{Number: number, Address: url, Prefix: prefix}, namespace)
}

func (t *trial) close() error {
	var errs []error
	for _, m := range append(t.members, t.extra...) {
		errs = append(errs, m.stop())
	}
	t.links.close()
	if t.broker != nil {
		errs = append(errs, t.broker.Stop())
	}
	if t.stop != nil {
		errs = append(errs, t.stop())
	}
	if t.network != nil {
		errs = append(errs, t.network.close())
	}
	return errors.Join(errs...)
}

// goThrough sends, lets the fault come and go, and waits until everything is as it was.
func (t *trial) goThrough() error {
	if err := t.tell(order{Do: "mark"}, order{Do: "send", Every: every}); err != nil {
		return err
	}
	if err := t.untilReached("all servers reach each other", 20, t.members); err != nil {
		return err
	}
	t.base = nil
	for _, m := range t.members {
		s, err := m.state()
		if err != nil {
			return err
		}
		t.base = append(t.base, s)
	}
	t.begun = time.Now()
	if err := t.tell(order{Do: "mark", After: t.begun.UnixNano()}); err != nil {
		return err
	}
	if err := t.fault.begin(t); err != nil {
		return fmt.Errorf("the fault did not begin: %w", err)
	}
	if err := t.last(); err != nil {
		return err
	}
	t.ended = time.Now()
	if err := t.fault.end(t); err != nil {
		return fmt.Errorf("the fault did not end: %w", err)
	}
	if err := t.tell(order{Do: "mark", After: t.ended.UnixNano()}); err != nil {
		return err
	}
	if err := t.untilReached("all servers reach each other again", 50, t.living()); err != nil {
		return err
	}
	t.over = time.Now()
	return t.settle()
}

// last lets the fault last: until all servers that run have served their own clients throughout it,
// and those that it concerns have noticed.
func (t *trial) last() error {
	<-time.After(time.Until(t.begun.Add(t.fault.lasts)))
	return t.until("own clients are served during the fault, and it is noticed", func() (bool, error) {
		for _, m := range t.running() {
			s, err := m.state()
			if err != nil {
				return false, err
			}
			if s.Marked[m.spec.Number] < 50 || t.fault.noticed(t.form, m.spec.Number) && s.Stats.Connected {
				return false, nil
			}
		}
		return true, nil
	})
}

// settle ends the sending, and waits until nothing is under way any more.
func (t *trial) settle() error {
	living := t.living()
	for _, m := range living {
		if _, err := m.ask(order{Do: "end"}); err != nil {
			return err
		}
	}
	return t.until("nothing is under way, and all is as before", func() (bool, error) {
		return t.all(func(m *member, s *state) bool {
			for _, from := range living {
				if !s.Ended[from.spec.Number] {
					return false
				}
			}
			grown := s.Goroutines - t.base[m.spec.Number].Goroutines
			return s.Stats.Queued == 0 && s.Stats.Connected && s.Stats.Nodes == len(living)-1 && grown <= 5
		})
	})
}

// living are the servers that were not killed, and running those that are not stopped either.
func (t *trial) living() []*member {
	return slices.DeleteFunc(slices.Clone(t.members), func(m *member) bool { return m.gone })
}

func (t *trial) running() []*member {
	return slices.DeleteFunc(t.living(), func(m *member) bool { return t.fault.halts && m.spec.Number == members-1 })
}

// tell gives orders to all servers that run.
func (t *trial) tell(orders ...order) error {
	for _, o := range orders {
		for _, m := range t.living() {
			if _, err := m.ask(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// all reports whether f holds of all servers that were not killed.
func (t *trial) all(f func(*member, *state) bool) (bool, error) {
	for _, m := range t.living() {
		s, err := m.state()
		if err != nil || !f(m, s) {
			return false, err
		}
	}
	return true, nil
}

// untilReached waits until each of the servers has got so many messages of each since the mark.
func (t *trial) untilReached(what string, count int, all []*member) error {
	return t.until(what, func() (bool, error) {
		return t.all(func(_ *member, s *state) bool {
			return !slices.ContainsFunc(all, func(from *member) bool { return s.Marked[from.spec.Number] < count })
		})
	})
}

// until is brokers.Until, whose error tells how the servers are.
func (t *trial) until(what string, f func() (bool, error)) error {
	err := brokers.Until(what, f)
	if err == nil {
		return nil
	}
	for _, m := range t.running() {
		s, failed := m.state()
		err = errors.Join(err, fmt.Errorf("server %d: %+v", m.spec.Number, s), failed)
	}
	return err
}

func (t *trial) logs() string {
	var b strings.Builder
	for _, m := range t.members {
		fmt.Fprintf(&b, "server %d: %s\n", m.spec.Number, m.log)
	}
	return b.String()
}
