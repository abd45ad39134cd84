#!/usr/bin/env bash
# github.com/Shopify/toxiproxy/v2 v2.12.0, the toxic "latency"
#
# Guess: latency 100 and jitter 100 delay each message by 0 to 200 ms, 100 ms on average, whatever the traffic is.
# Seen:  that holds for messages that are far apart. Each piece draws a delay of its own, yet none may overtake the one
#        before it, so a message takes the longest delay that was drawn within its time: at 500 messages a second over
#        a connection the average is about 170 ms, and few take less than 120 ms. The busier the connection, the nearer
#        it comes to the constant latency + jitter.
# Why:   the same fault costs a client that is busy 70 % more than one that is idle, and varies less for it. A chaos
#        test that doubles the rate finds "latency rises with load", and a mean that was set from measurements of a
#        real network is not the mean that messages meet. Choose latency + jitter as the delay of a busy connection, or
#        keep the jitter small.
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
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

const toxic = `{"type": "latency", "stream": "upstream", "attributes": {"latency": 100, "jitter": 100}}`

// arrivals accepts connections and sends how long each message that comes was on its way, in ms.
func arrivals(l net.Listener, delays chan<- float64) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var sent [8]byte
			for {
				if _, err := io.ReadFull(conn, sent[:]); err != nil {
					return
				}
				delays <- float64(time.Now().UnixNano()-int64(binary.BigEndian.Uint64(sent[:]))) / 1e6
			}
		}()
	}
}

// send sends count messages, so far apart.
func send(address string, count int, apart time.Duration) {
	conn, err := net.Dial("tcp", address)
	check(err)
	defer conn.Close()
	for range count {
		var now [8]byte
		binary.BigEndian.PutUint64(now[:], uint64(time.Now().UnixNano()))
		_, err := conn.Write(now[:])
		check(err)
		time.Sleep(apart)
	}
	time.Sleep(time.Second) // what is on its way arrives
}

// mean says how long messages take on average that are sent over so many connections at once.
func mean(connections, count int, apart time.Duration) float64 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer l.Close()
	delays := make(chan float64, connections*count)
	go arrivals(l, delays)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(os.Stderr).Level(zerolog.ErrorLevel))
	proxy := toxiproxy.NewProxy(server, "link", "127.0.0.1:0", l.Addr().String())
	check(proxy.Start())
	defer proxy.Stop()
	_, err = proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	check(err)
	for range connections {
		go send(proxy.Listen, count, apart)
	}
	all, sum := make([]float64, connections*count), 0.0
	for i := range all {
		all[i] = <-delays
		sum += all[i]
	}
	slices.Sort(all)
	at := func(share float64) float64 { return all[int(share*float64(len(all)))] }
	result := sum / float64(len(all))
	fmt.Printf("%2d connections, a message every %v: mean %.0f ms, nine of ten between %.0f and %.0f ms\n",
		connections, apart, result, at(0.05), at(0.95))
	return result
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	idle, some, busy := mean(50, 8, 500*time.Millisecond), mean(4, 100, 20*time.Millisecond), mean(1, 2000, 2*time.Millisecond)
	if idle > 130 || some < idle+15 || busy < idle+40 {
		os.Exit(1)
	}
}
GO
go get github.com/Shopify/toxiproxy/v2@v2.12.0 github.com/rs/zerolog@v1.33.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
