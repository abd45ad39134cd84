#!/usr/bin/env bash
# github.com/nats-io/nats-server/v2 v2.15.3 and github.com/nats-io/nats.go v1.55.0, a cluster of three servers
#
# Guess: in a cluster of three a message finds its way: when two of the servers cannot reach each other, by a firewall
#        or by a wrong address, the third, which has routes to both, passes it on. At worst it takes a hop more.
# Seen:  what came by a route is never sent on by another. Of ten messages published at one of the two, subscribers of
#        the third server get ten, and those of the other one none. Publish and Flush succeed, all servers are healthy,
#        all clients stay connected, and each server counts its routes as it should. With all three routes, all get ten.
# Why:   the cluster is cut for one pair of its nodes alone: users of one server are not heard by those of one other,
#        and by all the rest they are. A cluster adapter sees no error. A chaos test that ends one of three links finds
#        losses where it expected latency. Compare the routes that each server has by name, not by their number.
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
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const messages = 10

// start runs a server of the cluster with a route to the first one, if there is one. The others of the cluster are told
// to reach it at the address it advertises, where that is not empty.
func start(name, advertise string, first *server.Server) *server.Server {
	opts := &server.Options{ServerName: name, Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true,
		Cluster: server.ClusterOpts{Name: "cluster", Host: "127.0.0.1", Port: -1, Advertise: advertise}}
	if first != nil {
		opts.Routes = []*url.URL{{Scheme: "nats", Host: first.ClusterAddr().String()}}
	}
	s, err := server.NewServer(opts)
	check(err)
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		panic("the server does not start")
	}
	return s
}

// routes names the servers that s has routes to.
func routes(s *server.Server) string {
	all, err := s.Routez(nil)
	check(err)
	names := map[string]bool{}
	for _, r := range all.Routes {
		names[r.RemoteName] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

// until waits for a state of the cluster.
func until(what string, ok func() bool) {
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	panic("this did not come about: " + what)
}

// got publishes at the server "left" and says how many messages reached a subscriber of each server.
func got(advertise, routesOfLeft, routesOfRight string) [3]int {
	middle := start("middle", "", nil)
	left, right := start("left", advertise, middle), start("right", advertise, middle)
	servers := []*server.Server{left, middle, right}
	until("the routes", func() bool {
		return routes(left) == routesOfLeft && routes(middle) == "left right" && routes(right) == routesOfRight
	})
	var subs [3]*nats.Subscription
	var conns [3]*nats.Conn
	for i, s := range servers {
		defer s.Shutdown()
		conn, err := nats.Connect(s.ClientURL())
		check(err)
		defer conn.Close()
		conns[i] = conn
		subs[i], err = conn.SubscribeSync("room")
		check(err)
		check(conn.Flush())
	}
	// The middle knows of all three subscribers when its own message has reached them.
	for seen := [3]bool{}; seen != [3]bool{true, true, true}; {
		check(conns[1].Publish("room", nil))
		for i, sub := range subs {
			if _, err := sub.NextMsg(200 * time.Millisecond); err == nil {
				seen[i] = true
			}
		}
	}
	time.Sleep(time.Second)
	for _, sub := range subs {
		for _, err := sub.NextMsg(100 * time.Millisecond); err == nil; _, err = sub.NextMsg(100 * time.Millisecond) {
		}
	}
	for range messages {
		check(conns[0].Publish("room", nil))
	}
	check(conns[0].Flush())
	var count [3]int
	for i, sub := range subs {
		for _, err := sub.NextMsg(2 * time.Second); err == nil; _, err = sub.NextMsg(2 * time.Second) {
			count[i]++
		}
	}
	for i, conn := range conns {
		if !conn.IsConnected() {
			panic("the client of " + servers[i].Name() + " has lost its connection")
		}
	}
	return count
}

func main() {
	// An address at which nothing listens: the other of the two cannot reach it.
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	check(closed.Close())
	whole := got("", "middle right", "left middle")
	broken := got(closed.Addr().String(), "middle", "middle")
	fmt.Printf("%d messages published at left; subscribers of left, middle, right got\n", messages)
	fmt.Println("  with routes between all three:       ", whole)
	fmt.Println("  without a route from left to right:  ", broken)
	if whole != [3]int{messages, messages, messages} || broken != [3]int{messages, messages, 0} {
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
