package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

// An attack is made again and again by attackers that take turns. It returns
// whether the server put an end to it.
type attackKind struct {
	name string
	most int // at a time; 0 is no limit but the attackers
	make func(ctx context.Context, target string) (ended bool)
}

// tally counts one kind.
type tally struct {
	name         string
	begun, ended int64
}

// kinds is the one table of them. Those of WebTransport have the address of it from at.
func kinds(at *doors) []attackKind {
	all := []attackKind{
		{"requests that are no HTTP", 0, alone(garbage)},
		{"requests refused", 0, refusals},
		{"headers without end", 0, alone(longHeaders)},
		{"bodies too large", 0, largeBodies},
		{"headers, a byte at a time", 20, alone(slowHeaders)},
		{"bodies, a byte at a time", 20, slowBody},
		{"connections without a request", 20, alone(halfOpen)},
		{"sessions without a namespace", 40, noNamespace},
		{"resets during the upgrade", 0, resets},
		{"probes without an upgrade", 0, probes},
		{"polls and posts at once", 0, overlaps},
		{"many packets in a body", 4, packets},
		{"frames that break the protocol", 0, joined(badFrames)},
		{"frames too large", 0, joined(largeFrames)},
		{"a message in tiny fragments", 8, joined(fragments)},
		{"a message that never ends", 20, joined(endless)},
		{"compressed messages that inflate", 8, bombs},
		{"packets that break the protocol", 0, badPackets},
		{"attachments that never come", 40, joined(attachments)},
		{"namespaces without end", 0, namespaces},
		{"rooms without end", 4, joined(rooms)},
		{"acks and heartbeats nobody asked for", 8, joined(unasked)},
		{"readers that stop", 16, stopped},
	}
	if at.quic != "" {
		over := func(attack func(ctx context.Context, address string) bool) func(context.Context, string) bool {
			return func(ctx context.Context, _ string) bool { return attack(ctx, at.quic) }
		}
		all = append(
			all,
			attackKind{"datagrams that are no QUIC", 0, over(datagrams)},
			attackKind{"QUIC without HTTP/3", 20, over(quicAlone)},
			attackKind{"WebTransport without a stream", 20, over(noStream)},
			attackKind{"WebTransport that breaks the protocol", 0, over(badStream)},
			attackKind{"WebTransport, a byte at a time", 20, over(slowStream)},
		)
	}
	return all
}

// alone makes an attack on a connection of its own. One that the server does not take has ended.
func alone(attack func(l *line) bool) func(context.Context, string) bool {
	return func(ctx context.Context, target string) bool { return on(call(ctx, target), attack) }
}

// joined makes an attack on a websocket that has joined a namespace of the attackers.
func joined(attack func(l *line) bool) func(context.Context, string) bool {
	return func(ctx context.Context, target string) bool { return on(socket(ctx, target, "/hostile"), attack) }
}

func on(l *line, attack func(l *line) bool) bool {
	if l == nil {
		return true
	}
	defer l.close()
	return attack(l)
}

// assault lets attackers loose until ctx ends, and returns when all have ended.
func assault(ctx context.Context, o *options) []tally {
	all := kinds(&o.at)
	targets := []string{o.at.plain}
	if o.at.secure != "" { // one in four with TLS
		targets = []string{o.at.plain, o.at.plain, o.at.secure, o.at.plain}
	}
	counts := make([]struct{ begun, ended, now atomic.Int64 }, len(all))
	turn := make(chan int)
	go func() {
		defer close(turn)
		for i := 0; machine.Pause(ctx, time.Second/time.Duration(o.rate)); i++ {
			// Attackers that are all busy make the next one wait, not pile up.
			select {
			case turn <- i % len(all):
			case <-ctx.Done():
			}
		}
	}()
	var attackers sync.WaitGroup
	for range o.attackers {
		attackers.Go(func() {
			for i := range turn {
				kind, count := all[i], &counts[i]
				if now := count.now.Add(1); kind.most == 0 || now <= int64(kind.most) {
					count.begun.Add(1)
					// One attack lasts no longer than the server may suffer it.
					one, cancel := context.WithTimeout(ctx, 10*time.Second)
					if kind.make(one, targets[rand.IntN(len(targets))]) {
						count.ended.Add(1)
					}
					cancel()
				}
				count.now.Add(-1)
			}
		})
	}
	attackers.Wait()
	result := make([]tally, len(all))
	for i := range all {
		result[i] = tally{all[i].name, counts[i].begun.Load(), counts[i].ended.Load()}
	}
	return result
}
