#!/usr/bin/env bash
# github.com/nats-io/nats-server/v2 v2.15.3 and github.com/nats-io/nats.go v1.55.0
#
# Guess: NATS protects publishers from slow subscribers: it queues up to 64 MiB for one that stops reading, then cuts it.
#        Publishers and the other subscribers notice nothing.
# Seen:  from 48 MiB of that queue on the server stops reading from the publishers, up to 10 ms after each read of at
#        most 64 KiB. 8 MiB that took a tenth of a second take one to three, for the subscribers that read, too. At
#        64 MiB the stopped one counts as a slow consumer, yet the waiting goes on until the write to it has met its
#        deadline of 10 s. With `no_fast_producer_stall` nobody waits; the stopped one misses messages instead.
# Why:   one node of a cluster that stands still (a debugger, a snapshot of its machine) slows down the broadcasts of all
#        other nodes for seconds, whose latency then says "broker". The server counts it: `stalled_clients` in varz.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	size   = 4 << 10
	batch  = 2048 // messages: 8 MiB
	groups = 20
)

// A result says how often the server held a publisher back, and how long the groups took to reach the reader.
type result struct {
	stalls       int64
	took         []time.Duration
	firstStalled int // the first group in which the server held the publisher back; 0 for none
	lastStalled  int
	slow         int // the group in which the stopped subscriber became a slow consumer
}

// stop opens a connection that subscribes and never reads again.
func stop(addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	check(err)
	in := bufio.NewReader(conn)
	_, err = in.ReadString('\n') // INFO
	check(err)
	_, err = fmt.Fprint(conn, "CONNECT {\"verbose\":false}\r\nSUB room 1\r\nPING\r\n")
	check(err)
	for line := ""; !strings.HasPrefix(line, "PONG"); {
		line, err = in.ReadString('\n')
		check(err)
	}
	return conn
}

// publish sends the groups, each when the one before has arrived at a subscriber that reads.
func publish(withStopped, noStall bool) (r result) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, NoFastProducerStall: noStall})
	check(err)
	go s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(20 * time.Second) {
		panic("the server does not start")
	}
	reader, err := nats.Connect(s.ClientURL())
	check(err)
	defer reader.Close()
	got := make(chan struct{}, batch)
	_, err = reader.Subscribe("room", func(*nats.Msg) { got <- struct{}{} })
	check(err)
	check(reader.Flush())
	if withStopped {
		defer stop(s.Addr().String()).Close()
	}
	publisher, err := nats.Connect(s.ClientURL())
	check(err)
	defer publisher.Close()
	message := make([]byte, size)
	for group := range groups {
		began := time.Now()
		for range batch {
			check(publisher.Publish("room", message))
		}
		check(publisher.Flush())
		for range batch {
			<-got
		}
		r.took = append(r.took, time.Since(began).Round(time.Millisecond))
		if stalls := s.NumStalledClients(); stalls > r.stalls {
			r.stalls, r.lastStalled = stalls, group+1
			if r.firstStalled == 0 {
				r.firstStalled = group + 1
			}
		}
		if r.slow == 0 && s.NumSlowConsumers() > 0 {
			r.slow = group + 1
		}
	}
	return r
}

func main() {
	alone, stopped, dropping := publish(false, false), publish(true, false), publish(true, true)
	fmt.Printf("all subscribers read:         %d stalls; each 8 MiB took %v\n", alone.stalls, alone.took)
	fmt.Printf("one has stopped:              %d stalls, in the groups %d to %d; each 8 MiB took %v; a slow consumer from group %d on\n",
		stopped.stalls, stopped.firstStalled, stopped.lastStalled, stopped.took, stopped.slow)
	fmt.Printf("with no_fast_producer_stall:  %d stalls; each 8 MiB took %v\n", dropping.stalls, dropping.took)
	slowest := slices.Max(stopped.took)
	if alone.stalls != 0 || dropping.stalls != 0 || stopped.firstStalled < 6 || slowest < 800*time.Millisecond {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go get github.com/nats-io/nats-server/v2@v2.15.3 github.com/nats-io/nats.go@v1.55.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 90 ./finding
