// Package adapter connects servers to a cluster, over Redis or NATS. Its messages are those of the
// official adapters: servers of this package and official ones serve the same namespaces together.
//
//	cluster, err := adapter.Open("redis://localhost:6379", adapter.Options{})
//	srv, err := server.New(server.Options{Adapter: cluster.Adapter})
//	err = cluster.Ready(ctx) // every message of other servers arrives from here on
//
// The scheme of the address says which form the messages have:
//
//	redis://          publish and subscribe, as @socket.io/redis-adapter's createAdapter
//	redis+sharded://  sharded publish and subscribe (Redis 7), as its createShardedAdapter
//	redis+streams://  streams, as @socket.io/redis-streams-adapter
//	nats://           core NATS; a form of our own, for there is no official one
//	nats+jetstream:// the same, and JetStream keeps what clients miss (server.Options.Recovery)
//	nats+embedded://  the same on a NATS server in this process; also nats+embedded+jetstream://
//
// A broadcast is delivered to the sockets of its own server first and then published, so a broker
// that stands still holds up no local delivery. On redis+streams and nats+jetstream a server with
// [server.Options].Recovery lets clients come back to any server of the cluster: then a broadcast
// is delivered everywhere in the order of the stream, and waits for the broker, at most
// [Options.RequestTimeout]. What waits to be published is bounded
// ([Options.MaxQueue]). All but streams keep nothing: messages that are published while a server is
// cut off from the broker do not reach it. A stream keeps the last [Options.StreamLength] messages.
//
// Note: the client of Redis is rueidis. bench/redisclients measures it beside go-redis: receiving,
// which every node does for every message, costs 0.86 against 1.04 µs; publishing 2.2 against 8.0
// µs from 64 goroutines, and 3.0 against 1.5 µs in batches of eight from one, as the adapter does.
// A message to a room of ten costs the nodes more than 100 µs, so that none of this decides;
// rueidis ends commands that wait by their context, which go-redis does not by default.
package adapter
