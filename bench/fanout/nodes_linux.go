package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/fanout/internal/load"
)

// nodes is how many servers a cluster has.
const nodes = 3

// The cases of clusters: three nodes of each server with the same adapter, each cluster on a Redis
// of its own, all on the servers' processor. Costs are those of all three nodes. They run when they
// are named, since they need redis-server.

const (
	messageMetric = "us/message"
	inMetric      = "broker in B/message"
	outMetric     = "broker out B/message"
	brokerMetric  = "broker us/message"
	addedMetric   = "added p50 ms"
)

// clusters makes an entry of ours and an official one for each adapter, and a target for each pair.
func clusters(e entry, wanted ...target) (all []entry, targets []target) {
	for _, adapter := range []string{"redis", "redis+sharded", "redis+streams"} {
		e.adapter, e.variant, e.generators = adapter, adapter, 1
		all = append(all, each(e, "throng", "node")...)
		for _, t := range wanted {
			t.of, t.to = "throng "+adapter, "node "+adapter
			targets = append(targets, t)
		}
	}
	return all, targets
}

// noMoreBytes: what a message brings to the broker is not above what it does with the official
// adapter, but for the pings of the connections.
var noMoreBytes = target{metric: inMetric, limit: 1.01}

func nodesBroadcast() benchCase {
	all, targets := clusters(entry{clients: nodes * 1000}, target{metric: costMetric, limit: 1. / 8}, noMoreBytes)
	return benchCase{
		name: "nodes-broadcast", about: "broadcast flat out, 8 in flight, 1000 clients on each of three nodes", asked: true,
		entries: all, targets: targets, window: 2 * time.Second,
		columns: []string{costMetric, "deliveries/s", inMetric, outMetric, brokerMetric},
		measure: func(_ context.Context, s *subject, window time.Duration) (metrics, error) {
			if _, err := s.do(load.Command{Do: "flood", Busy: true, N: 8, Duration: window / 3}); err != nil {
				return nil, err
			}
			return s.brokered(load.Command{Do: "flood", Busy: true, N: 8, Duration: window})
		},
	}
}

func nodesRooms() benchCase {
	// Client i is on node i mod 3 and in room i mod 301: the members of a room are on all nodes.
	all, targets := clusters(entry{clients: 3010, rooms: 301}, target{metric: messageMetric, limit: 1. / 4}, noMoreBytes)
	return benchCase{
		name: "nodes-rooms", about: "301 messages a second, each to a room of 10 members on all three nodes", asked: true,
		entries: all, targets: targets, window: 4 * time.Second,
		columns: []string{messageMetric, "server cpu %", inMetric, outMetric, brokerMetric},
		measure: func(_ context.Context, s *subject, window time.Duration) (metrics, error) {
			if _, err := s.do(load.Command{Do: "rooms", N: 1}); err != nil {
				return nil, err
			}
			return s.brokered(load.Command{Do: "rooms", N: max(1, int(window.Seconds()))})
		},
	}
}

func nodesRoomFlood() benchCase {
	c := nodesRooms()
	c.name, c.about = "nodes-room-flood", "messages to rooms of 10 members on all three nodes flat out, 64 in flight"
	c.window = 2 * time.Second
	c.measure = func(_ context.Context, s *subject, window time.Duration) (metrics, error) {
		if _, err := s.do(load.Command{Do: "roomflood", Busy: true, N: 64, Duration: window / 3}); err != nil {
			return nil, err
		}
		return s.brokered(load.Command{Do: "roomflood", Busy: true, N: 64, Duration: window})
	}
	return c
}

func nodesLatency() benchCase {
	const each = 10
	all, targets := clusters(entry{clients: nodes * each}, target{metric: addedMetric, limit: 1. / 2})
	const rate = 50
	return benchCase{
		name: "nodes-latency", about: "50 broadcasts a second to 10 clients on each of three nodes, to the last one; added: above those to 10 clients on one node alone", asked: true,
		entries: all, targets: targets, window: 4 * time.Second,
		columns: []string{addedMetric, p50Metric, p99Metric, "alone p50 ms"},
		measure: func(ctx context.Context, s *subject, window time.Duration) (metrics, error) {
			if s.alone == nil {
				var err error
				if s.alone, err = s.bench.open(ctx, entry{server: s.entry.server, variant: "alone", clients: each, generators: 1}); err != nil {
					return nil, err
				}
			}
			m, err := paceAt(s, rate, window)
			if err != nil {
				return nil, err
			}
			one, err := paceAt(s.alone, rate, window)
			if err != nil {
				return nil, err
			}
			m["alone p50 ms"] = one[p50Metric]
			m[addedMetric] = m[p50Metric] - one[p50Metric]
			return m, nil
		},
	}
}

// A cluster is what a subject of several nodes has besides its first one.
type cluster struct {
	flags  []string // of each node
	redis  *child
	socket string
	more   []*child
	alone  *subject // another server, without an adapter
}

func (c *cluster) close() {
	if c.alone != nil {
		c.alone.close()
	}
	for _, node := range c.more {
		node.stop()
	}
	if c.redis != nil {
		c.redis.stop()
	}
}

// broker starts the Redis of a cluster.
func (b *bench) broker(ctx context.Context, s *subject) (err error) {
	if s.adapter == "" {
		return nil
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is not installed; apt-get install redis-server")
	}
	s.socket = filepath.Join(b.dir, strings.ReplaceAll(s.label(), " ", "-"))
	s.redis, err = start(ctx, b.serverCPU, nil, program, "--port", "0", "--unixsocket", s.socket, "--save", "", "--dir", b.dir)
	if err != nil {
		return err
	}
	for until := time.Now().Add(10 * time.Second); ; {
		if _, err = s.info(); err == nil {
			break
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return s.redis.failed(fmt.Errorf("waiting for Redis: %w", err))
		}
		<-time.After(10 * time.Millisecond)
	}
	s.flags = []string{"--adapter", strings.Replace(s.adapter, "redis", "unix", 1) + "://" + s.socket}
	return nil
}

// others starts the further nodes, and returns the addresses and processes of all.
func (b *bench) others(ctx context.Context, s *subject, command []string) (servers []string, pids []int, err error) {
	servers, pids = []string{s.at}, []int{s.server.cmd.Process.Pid}
	for len(servers) < nodes && s.adapter != "" {
		node, err := start(ctx, b.serverCPU, nil, command...)
		if err != nil {
			return nil, nil, err
		}
		s.more = append(s.more, node)
		at, err := node.address()
		if err != nil {
			return nil, nil, err
		}
		servers, pids = append(servers, at), append(pids, node.cmd.Process.Pid)
	}
	return servers, pids, nil
}

// brokered measures with what the broker had of it.
func (s *subject) brokered(cmd load.Command) (metrics, error) {
	before, err := s.info()
	if err != nil {
		return nil, err
	}
	r, err := s.do(cmd)
	if err != nil {
		return nil, err
	}
	after, err := s.info()
	if err != nil {
		return nil, err
	}
	m, n := deliveries(r), float64(r.Broadcasts)
	m[messageMetric] = micros(r.Server) / n
	m[inMetric] = (after["total_net_input_bytes"] - before["total_net_input_bytes"]) / n
	m[outMetric] = (after["total_net_output_bytes"] - before["total_net_output_bytes"]) / n
	cpu := func(info map[string]float64) float64 { return info["used_cpu_user"] + info["used_cpu_sys"] }
	m[brokerMetric] = (cpu(after) - cpu(before)) * 1e6 / n
	return m, nil
}

// info reads the numbers of Redis about itself.
func (c *cluster) info() (map[string]float64, error) {
	conn, err := net.Dial("unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to Redis: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("INFO\r\n")); err != nil {
		return nil, fmt.Errorf("asking Redis: %w", err)
	}
	lines := bufio.NewReader(conn)
	head, err := lines.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("reading from Redis: %w", err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	if err != nil {
		return nil, fmt.Errorf("the answer of Redis begins with %.100q", head)
	}
	info := map[string]float64{}
	for size > 0 {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("reading from Redis: %w", err)
		}
		size -= len(line)
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			info[name] = v
		}
	}
	return info, nil
}
