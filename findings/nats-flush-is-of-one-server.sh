#!/usr/bin/env bash
# github.com/nats-io/nats-server/v2 v2.15.3 and github.com/nats-io/nats.go v1.55.0, a cluster of two servers
#
# Guess: Subscribe, then Flush: the answer says that the server has the subscription. A message that anybody publishes
#        after it arrives, at whichever server of the cluster: that is what one calls Flush for.
# Seen:  the answer is of the own server, which tells the other one afterwards. Of a thousand subscriptions, each
#        followed at once by a message that is published at the other server, some miss theirs, and Publish, Flush and
#        the connections have no error. A request for a service that was subscribed in this way fails at once with "no
#        responders", though the service is up. With both clients at the same server none is missed.
# Why:   a node that joins a room and tells the others "I am in", by any other way, misses what they send; "no
#        responders" passes for the end of a service and is not tried again. With one server, in every test, it does not
#        happen, and on loopback in some of a hundred. Subscribe, then ask until a message from the other server is
#        there.
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
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const rounds = 1000

// start runs a server of the cluster with a route to the first one, if there is one.
func start(name string, first *server.Server) *server.Server {
	opts := &server.Options{ServerName: name, Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true,
		Cluster: server.ClusterOpts{Name: "cluster", Host: "127.0.0.1", Port: -1}}
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

func connect(s *server.Server) *nats.Conn {
	conn, err := nats.Connect(s.ClientURL())
	check(err)
	return conn
}

// missed says how many of the messages and of the requests, sent by another client right after the subscription was
// flushed, found nobody.
func missed(kind string, subscriber, other *nats.Conn) (messages, requests int) {
	subs := make([]*nats.Subscription, rounds)
	for i := range rounds {
		room, service := fmt.Sprintf("%s.room.%d", kind, i), fmt.Sprintf("%s.service.%d", kind, i)
		var err error
		subs[i], err = subscriber.SubscribeSync(room)
		check(err)
		check(subscriber.Flush())
		check(other.Publish(room, nil))
		check(other.Flush())
		_, err = subscriber.Subscribe(service, func(m *nats.Msg) { _ = m.Respond(nil) })
		check(err)
		check(subscriber.Flush())
		if _, err := other.Request(service, nil, 5*time.Second); errors.Is(err, nats.ErrNoResponders) {
			requests++
		} else {
			check(err)
		}
	}
	time.Sleep(2 * time.Second)
	for _, sub := range subs {
		if count, _, err := sub.Pending(); err != nil || count == 0 {
			messages++
		}
	}
	return messages, requests
}

func main() {
	one := start("one", nil)
	defer one.Shutdown()
	two := start("two", one)
	defer two.Shutdown()
	for range 400 {
		if one.NumRoutes() > 0 && two.NumRoutes() > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Second)
	subscriber, beside, across := connect(one), connect(one), connect(two)
	sameMessages, sameRequests := missed("same", subscriber, beside)
	messages, requests := missed("across", subscriber, across)
	fmt.Printf("%d messages and %d requests right after the Flush of the subscriber\n", rounds, rounds)
	fmt.Printf("  at the same server:  %d messages missed, %d requests without responders\n", sameMessages, sameRequests)
	fmt.Printf("  at the other server: %d messages missed, %d requests without responders\n", messages, requests)
	if sameMessages != 0 || sameRequests != 0 || messages == 0 || requests == 0 {
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
