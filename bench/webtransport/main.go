// Command webtransport measures what a delivery costs the built-in server over WebTransport, beside
// websockets with TLS, in one run:
//
//	go run ./bench/webtransport                  500 clients, 7 rounds of both
//	go run ./bench/webtransport --profile DIR    with a profile of the server over WebTransport
//	go run ./bench/webtransport --gather         with a bare server that sends packets many at a time
//
// One server, a process of its own, serves both. Beside it a bare server on quic-go sends the same
// to as many clients, without HTTP/3 and Engine.IO: no server on quic-go takes less than this one.
// The clients of each transport are in a room. One of them sends to it, with some messages in
// flight at a time, and all of them receive those. The transports take turns, and the clients of
// the one that does not have its turn are idle. Costs are processor time of the server's process
// between two moments with nothing in flight, divided by the deliveries between them; medians of
// the rounds are printed. Every delivery is accounted for, or the run fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
)

// A side is one of the transports, or the bare server.
type side struct {
	name    string
	server  *server
	clients []*receiver
	costs   []float64 // of the rounds, microseconds a delivery
	rates   []float64 // deliveries a second
}

func main() {
	program.Main("webtransport", run, bareRole)
}

// bareRole is the bare server.
var bareRole = program.Role{Name: "bare", Play: serveBare}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	m := &measurement{ctx: ctx, out: stdout}
	f := flag.NewFlagSet("webtransport", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&m.clients, "clients", 500, "clients of each transport")
	f.IntVar(&m.rounds, "rounds", 7, "rounds")
	f.IntVar(&m.inflight, "inflight", 8, "broadcasts in flight")
	f.IntVar(&m.size, "payload", 256, "bytes of a message")
	f.DurationVar(&m.length, "time", 2*time.Second, "length of a measurement")
	f.StringVar(&m.profile, "profile", "", "folder for a profile of the server over WebTransport")
	f.BoolVar(&m.gathered, "gather", false, "measure beside them a bare server whose packets go out many at a time (sendmmsg)")
	binary := f.String("throng", "", "the throng to measure (default this source)")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if min(m.clients, m.rounds, m.inflight, m.size) < 1 || m.length <= 0 {
		return errors.New("--clients, --rounds, --inflight, --payload and --time must be positive")
	}
	return m.run(*binary)
}

type measurement struct {
	ctx                             context.Context
	clients, rounds, inflight, size int
	length                          time.Duration
	profile                         string
	gathered                        bool
	out                             io.Writer
	server                          *server
}

func (m *measurement) run(binary string) (err error) {
	if m.server, err = startServer(m.ctx, binary); err != nil {
		return err
	}
	defer m.server.stop()
	bare, err := startBare(m.ctx)
	if err != nil {
		return err
	}
	defer bare.stop()
	sides := []*side{{name: "websocket with TLS", server: m.server}, {name: "WebTransport", server: m.server}, {name: "bare QUIC", server: bare}}
	if m.gathered {
		other, err := startBare(m.ctx, "gather")
		if err != nil {
			return err
		}
		defer other.stop()
		sides = append(sides, &side{name: "bare, gathered", server: other})
	}
	for i, dial := range []func(*server) (conn, error){dialTLS, dialQUIC, dialBare, dialBare}[:len(sides)] {
		s := sides[i]
		before := s.server.memory()
		if s.clients, err = connect(s.server, dial, s.name, m.clients); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		_, _ = fmt.Fprintf(m.out, "%-20s %d clients, %.1f KiB of the server each\n", s.name, m.clients, (s.server.memory()-before)/float64(m.clients))
	}
	for round := range m.rounds + 1 { // the first one warms up
		for _, s := range sides {
			cost, rate, err := m.measure(s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 {
				s.costs, s.rates = append(s.costs, cost), append(s.rates, rate)
			}
		}
	}
	if m.profile != "" {
		if err := m.profiled(sides[1]); err != nil {
			return err
		}
	}
	for _, s := range sides {
		ratios := make([]float64, m.rounds)
		for i := range ratios {
			ratios[i] = s.costs[i] / sides[0].costs[i]
		}
		_, _ = fmt.Fprintf(m.out, "%-20s %6.2f us of server CPU a delivery, %5.2f times a websocket with TLS, %8.0f deliveries/s (medians of %d)\n",
			s.name, rounds.Median(s.costs), rounds.Median(ratios), rounds.Median(s.rates), m.rounds)
	}
	return nil
}

// measure broadcasts for a while, and returns what a delivery cost and how many there were a
// second.
func (m *measurement) measure(s *side) (cost, rate float64, err error) {
	cpu, start := s.server.cpu(), time.Now()
	sent, err := flood(m.ctx, s.clients, s.name, m.inflight, m.size, m.length)
	if err != nil {
		return 0, 0, err
	}
	used, wall := s.server.cpu()-cpu, time.Since(start)
	n := float64(sent * len(s.clients))
	return float64(used.Microseconds()) / n, n / wall.Seconds(), nil
}

// profiled broadcasts while the server writes a profile.
func (m *measurement) profiled(s *side) error {
	done := m.server.profile(m.profile, m.length)
	_, err := flood(m.ctx, s.clients, s.name, m.inflight, m.size, m.length+time.Second)
	return errors.Join(err, <-done)
}
