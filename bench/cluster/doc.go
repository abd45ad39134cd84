// Command cluster lets real brokers and real servers of a cluster fail, keeps an exact account of
// every message between three servers, and shows how long each recovery took.
//
// The servers are processes of this program, each with a client that sends numbered messages to a
// room and notes what it receives. A fault begins, lasts until every server has delivered to its
// own client throughout it, and ends; then the account is closed. Own clients must miss
// nothing, nobody may get a message twice or out of order, what is lost must be what the adapter's
// promise allows and a counter shows, and afterwards queues must be empty and goroutines gone.
//
//	go run ./bench/cluster                      all faults over all adapters, and the table
//	go run ./bench/cluster --update              the same, and writes the table into server/README.md
//	go run ./bench/cluster --faults stalled,cut --adapters nats
//	go run ./bench/cluster --serve redis-cluster a broker to try things on: redis, redis-cluster,
//	                                            redis-sentinel or nats, until Ctrl-C
//
// Namespaces of the network need root.
package main
