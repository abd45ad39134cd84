package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/scenario/link"
)

// fault is something that happens to a cluster.
type fault struct {
	key, name string
	lasts     time.Duration // at least
	quick     bool          // it is part of the unit tests
	only      []string      // adapters; nil for all

	link, network bool // the servers' way to the broker goes over links, the last one's over a cable

	broker     func(*trial) error // starts what is more than one process
	begin, end func(*trial) error
	loses      bool // messages, where the adapter keeps none
	halts      bool // the last server does not run meanwhile
	talks      bool // logs have lines about it
	// noticed reports whether a server must notice that the broker fails.
	noticed func(form string, server int) bool
	check   func(t *trial, o *outcome, states map[int]*state, wrong func(string, ...any)) error
}

func everybody(string, int) bool { return true }
func nobody(string, int) bool    { return false }
func theLast(_ string, server int) bool {
	return server == members-1
}

var onRedis = []string{"redis", "redis+sharded", "redis+streams"}

const stop = 3 * time.Second

var faults = []*fault{
	{
		key: "stopped", name: "broker stopped for 3 s, then started", lasts: stop, loses: true, noticed: everybody,
		begin: func(t *trial) error { return t.broker.Terminate() },
		end:   func(t *trial) error { return t.broker.Start() },
	},
	{
		key: "restarted", name: "broker killed and started again", quick: true, loses: true, noticed: everybody,
		begin: func(t *trial) error {
			t.broker.Kill()
			return nil
		},
		end: func(t *trial) error { return t.broker.Start() },
	},
	{
		key: "stalled", name: "broker stands still for 3 s (SIGSTOP)", lasts: stop, noticed: nobody,
		begin: func(t *trial) error { return t.broker.Signal(syscall.SIGSTOP) },
		end:   func(t *trial) error { return t.broker.Signal(syscall.SIGCONT) },
	},
	{
		key: "slow", name: "broker slow for 3 s (200 to 400 ms each way, 200 kB/s)", lasts: stop, link: true, noticed: nobody,
		begin: func(t *trial) error {
			t.links.set(link.State{Delay: 300 * time.Millisecond, Jitter: 100 * time.Millisecond, Rate: 200_000})
			return nil
		},
		end: func(t *trial) error {
			t.links.set(link.State{})
			return nil
		},
	},
	{
		key: "full", name: "broker full for 3 s (maxmemory, noeviction)", lasts: stop, only: onRedis,
		noticed: func(form string, _ int) bool { return form == "redis+streams" }, // publishing needs no memory
		begin:   func(t *trial) error { return t.limit("1") },
		end:     func(t *trial) error { return t.limit("0") },
	},
	{
		key: "cut", name: "one server's connection to the broker cut for 3 s", lasts: stop, quick: true, link: true, loses: true, noticed: theLast,
		begin: func(t *trial) error {
			t.links[members-1].Set(link.State{Cut: true})
			return nil
		},
		end: func(t *trial) error {
			t.links[members-1].Set(link.State{})
			return nil
		},
	},
	{
		key: "network", name: "one server's network cut until it notices", network: true, loses: true, noticed: theLast,
		begin: func(t *trial) error { return t.network.cut() },
		end:   func(t *trial) error { return t.network.join() },
	},
	{
		key: "killed", name: "one server killed", noticed: nobody,
		begin: func(t *trial) error {
			t.members[members-1].kill()
			return t.complete(members - 1)
		},
		end: func(*trial) error { return nil },
		check: func(t *trial, o *outcome, _ map[int]*state, _ func(string, ...any)) error {
			o.Recovery = max(o.Recovery, t.recovered)
			return nil
		},
	},
	{
		key: "halted", name: "one server stands still for 3 s (SIGSTOP)", lasts: stop, halts: true, noticed: nobody,
		begin: func(t *trial) error { return t.members[members-1].signal(syscall.SIGSTOP) },
		end: func(t *trial) error {
			a, err := t.members[0].ask(order{Do: "fetch"})
			if err == nil && (a.Error == "" || a.Fetched != members-1) {
				err = fmt.Errorf("a server that stands still was not missed: %d sockets, %q", a.Fetched, a.Error)
			}
			if err != nil {
				return err
			}
			t.ended = time.Now()
			return t.members[members-1].signal(syscall.SIGCONT)
		},
		check: func(t *trial, _ *outcome, states map[int]*state, wrong func(string, ...any)) error {
			if states[0].Stats.Timeouts != 1 {
				wrong("%d questions were not answered in time, want 1", states[0].Stats.Timeouts)
			}
			return nil
		},
	},
	{
		key: "failover", name: "master behind Sentinel killed: until the replica is used (it takes the master for dead after 1 s)",
		only: onRedis, loses: true, noticed: everybody,
		broker: func(t *trial) (err error) {
			if t.guarded, err = brokers.RedisSentinel(); err == nil {
				t.url, t.stop = t.guarded.URL(t.form), t.guarded.Stop
			}
			return err
		},
		begin: func(t *trial) error {
			t.guarded.Master.Kill()
			return nil
		},
		end: func(t *trial) error {
			t.ended = t.begun // the end is up to Redis
			return nil
		},
	},
	{
		key: "master", name: "one of three masters of a Redis Cluster killed, and started again after 3 s", lasts: stop,
		only: onRedis, loses: true, talks: true, noticed: nobody, // it depends on which of the three a server needs
		broker: func(t *trial) (err error) {
			if t.masters, err = brokers.RedisCluster(); err == nil {
				t.url, t.stop = t.masters.URL(t.form), t.masters.Stop
			}
			return err
		},
		begin: func(t *trial) error {
			t.masters[0].Kill()
			return nil
		},
		end: func(t *trial) error { return t.masters[0].Start() },
	},
	{
		key: "prefixes", name: "another cluster with another prefix on the same broker", noticed: nobody,
		begin: func(t *trial) error {
			for i := range 2 {
				m, err := t.join(members+i, t.prefix+"x")
				if err != nil {
					return err
				}
				t.extra = append(t.extra, m)
				if _, err := m.ask(order{Do: "send", Every: every}); err != nil {
					return err
				}
			}
			return nil
		},
		end:   (*trial).others,
		check: checkOthers,
	},
	{
		key: "later", name: "a server of a later version with messages of an unknown type", talks: true, noticed: nobody,
		begin: func(t *trial) error { return t.foreign(100) },
		end:   func(*trial) error { return nil },
		check: func(t *trial, _ *outcome, states map[int]*state, wrong func(string, ...any)) error {
			for number, s := range states {
				if int(s.Stats.Unknown) != t.sent {
					wrong("server %d counts %d messages of an unknown type, want %d", number, s.Stats.Unknown, t.sent)
				}
			}
			return nil
		},
	},
}

// limit sets the memory of Redis; "0" is none.
func (t *trial) limit(bytes string) error {
	_, err := brokers.CLI(t.broker.Addr, "config", "set", "maxmemory", bytes)
	return err
}

// complete waits until a question to all servers is answered by all that are there, and notes how
// long that took.
func (t *trial) complete(want int) error {
	return t.until("a question is answered by all", func() (bool, error) {
		a, err := t.members[0].ask(order{Do: "fetch"})
		t.recovered = time.Since(t.begun)
		return a.Error == "" && a.Fetched == want, err
	})
}

// others waits until the servers of the other cluster reach each other, and ends their sending.
func (t *trial) others() error {
	if err := t.until("the other cluster's servers reach each other", func() (bool, error) {
		for _, m := range t.extra {
			s, err := m.state()
			if err != nil || s.Marked[members] < 20 || s.Marked[members+1] < 20 {
				return false, err
			}
		}
		return true, nil
	}); err != nil {
		return err
	}
	for _, m := range t.extra {
		if _, err := m.ask(order{Do: "end"}); err != nil {
			return err
		}
	}
	return nil
}

func checkOthers(t *trial, _ *outcome, _ map[int]*state, wrong func(string, ...any)) error {
	for _, m := range t.extra {
		s, err := m.state()
		if err != nil {
			return err
		}
		if s.Foreign > 0 || s.Stats.Nodes > 1 {
			wrong("a server of the other cluster got %d messages of this one, and knows %d others", s.Foreign, s.Stats.Nodes)
		}
	}
	return nil
}

// foreign publishes messages of a type that there is not.
func (t *trial) foreign(count int) error {
	t.sent = count
	const unknown = `{"type":99,"data":{"new":true},"uid":"0123456789abcdef","nsp":"/"}`
	commands := map[string][]string{
		"redis":         {"publish", t.prefix + "-request#/#", `{"uid":"abcdef","requestId":"x","type":99}`},
		"redis+sharded": {"spublish", t.prefix + "#/#", unknown},
		"redis+streams": {"xadd", t.prefix, "*", "uid", "0123456789abcdef", "nsp", "/", "type", "99", "data", "{}"},
	}
	if command, is := commands[t.form]; is {
		for range count {
			if _, err := brokers.CLI(t.broker.Addr, command...); err != nil {
				return err
			}
		}
		return nil
	}
	c, err := nats.Connect("nats://" + t.broker.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for range count {
		if err := c.Publish("throng.c"+base64.RawURLEncoding.EncodeToString([]byte(t.prefix+"#/#")), []byte(unknown)); err != nil {
			return err
		}
	}
	return c.Flush()
}

// concerns reports whether a fault happens with an adapter.
func (f *fault) concerns(form string) bool { return f.only == nil || slices.Contains(f.only, form) }
