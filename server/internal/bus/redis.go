package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// Redis is a connection to a Redis server, to one behind Sentinel, or to a Redis Cluster.
type Redis struct {
	Client   rueidis.Client
	sharded  bool // SPUBLISH and SSUBSCRIBE
	out      *outbox
	commands *outbox // items with a Verb: they do not wait behind a backlog of messages
	in       *subscriber

	ctx    context.Context
	stop   context.CancelFunc
	ending sync.WaitGroup

	mu          sync.Mutex
	publishNode string // the server of a Redis Cluster to which everything is published that none owns

	health health

	received, receivedBytes, reconnects atomic.Uint64
}

// OpenRedis connects, and fails if that is not possible.
func OpenRedis(a Address, o Options) (*Redis, error) {
	options, err := a.redisOptions()
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to Redis at %s: %w", strings.Join(options.InitAddress, ", "), err)
	}
	if err := checkMode(client, &options); err != nil {
		client.Close()
		return nil, err
	}
	r := &Redis{Client: client, sharded: a.Form == Sharded}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.out = newOutbox(o.MaxQueue, func(ctx context.Context, batch []Item) []Item { return r.send(ctx, r.out, batch) })
	r.commands = newOutbox(o.MaxQueue, func(ctx context.Context, batch []Item) []Item { return r.send(ctx, r.commands, batch) })
	r.health = health{log: o.Logger, name: "Redis", counts: r.losses}
	r.in = newSubscriber(r)
	r.ending.Go(func() { r.out.run(r.ctx) })
	r.ending.Go(func() { r.commands.run(r.ctx) })
	r.ending.Go(r.in.run)
	return r, nil
}

// checkMode returns an error for a Sentinel in the place of Redis, and for a server of a Redis
// Cluster that did not say which servers there are: rueidis takes it for a server of its own then,
// and nothing would reach the others.
func checkMode(client rueidis.Client, o *rueidis.ClientOption) error {
	if client.Mode() == rueidis.ClientModeCluster || o.Sentinel.MasterSet != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	hello, err := client.Do(ctx, client.B().Arbitrary("HELLO").Build()).AsMap()
	if err != nil {
		return nil // Redis before 6, which knows no users either
	}
	at, mode := strings.Join(o.InitAddress, ", "), hello["mode"]
	switch text, _ := mode.ToString(); text {
	case "cluster":
		return fmt.Errorf("the Redis at %s belongs to a Redis Cluster and does not say which servers that has: let the user run CLUSTER (+cluster)", at)
	case "sentinel":
		return fmt.Errorf("at %s there is a Sentinel: name the master that it watches with ?master_set=NAME", at)
	}
	return nil
}

// Publish queues a message. It never waits, and reports whether there was room for it.
func (r *Redis) Publish(i Item) bool {
	if i.Verb != "" {
		return r.commands.put(i)
	}
	return r.out.put(i)
}

// Subscribe calls f for each message of a channel, or with prefix of all that begin with it, until
// Unsubscribe. All messages of the bus come one at a time, in the order of the broker; sharded
// channels of a Redis Cluster, which has several brokers, come beside one another, each in its own
// order. It returns at once; see Ready.
func (r *Redis) Subscribe(channel string, prefix bool, f func(channel, payload string)) {
	r.in.add(subscription{channel, prefix}, f)
}

// Unsubscribe ends a subscription.
func (r *Redis) Unsubscribe(channel string, prefix bool) { r.in.remove(subscription{channel, prefix}) }

// Ready waits until the broker has confirmed all subscriptions.
func (r *Redis) Ready(ctx context.Context) error { return r.health.because(r.in.ready(ctx)) }

// outboxPart is what fails apart: an outbox whose connection ends, or one whose items Redis
// refuses. A user that may not SET may publish all the same.
type outboxPart struct {
	of   *outbox
	what string
}

// send publishes a batch of one of the outboxes, which counts it, in one round trip. What has
// surely not been carried out is returned, to be sent again.
func (r *Redis) send(ctx context.Context, from *outbox, batch []Item) (unsent []Item) {
	if from.doubtful && !r.reachable(ctx, from) {
		return batch
	}
	outcomes := r.execute(ctx, batch)
	again := r.retryable(ctx, batch, outcomes)
	var lost, refusal error
	for i := range outcomes {
		reply, err := outcomes[i].reply, outcomes[i].err
		if _, answered := rueidis.IsRedisErr(err); answered {
			refusal = err
		} else if err != nil {
			lost = err
		}
		if again[i] {
			unsent = append(unsent, batch[i])
			continue
		}
		from.count(&batch[i], err)
		if batch[i].Done != nil {
			batch[i].Done(reply, err)
		}
	}
	from.doubtful = lost != nil
	if ctx.Err() == nil {
		r.health.note(outboxPart{from, "connection"}, lost)
		r.health.note(outboxPart{from, "publishing"}, refusal)
	}
	return unsent
}

// reachable reports whether the broker answers. A message that is sent into a broken connection is
// lost, a question is not. Servers of a Redis Cluster fail apart: there each message shows for
// itself.
func (r *Redis) reachable(ctx context.Context, from *outbox) bool {
	if r.Client.Mode() == rueidis.ClientModeCluster {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	err := r.Client.Do(ctx, r.Client.B().Ping().Build()).NonRedisError()
	if err != nil {
		r.health.fails(outboxPart{from, "connection"}, err)
	}
	return err == nil
}

// retryable finds the messages that the broker has not taken, but may later. Of these, one before
// which a later one was taken is given up, since the order of messages counts for more; in a
// cluster, where servers fail apart, only if both have the same channel.
func (r *Redis) retryable(ctx context.Context, batch []Item, outcomes []outcome) []bool {
	again := make([]bool, len(batch))
	apart := r.Client.Mode() == rueidis.ClientModeCluster
	taken := map[string]bool{}
	for i := len(batch) - 1; i >= 0; i-- {
		channel := ""
		if apart && (!r.publishesAnywhere() || !batch[i].onlyPublished()) {
			channel = batch[i].Channel
		}
		err := outcomes[i].err
		again[i] = err != nil && ctx.Err() == nil && !taken[channel] && refused(err)
		if err == nil {
			taken[channel] = true
		}
	}
	return again
}

// refused reports that a command was surely not carried out, for a reason that may pass: the server
// was not reached, has no memory left, is starting, or has become or is not yet the master.
func refused(err error) bool {
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	reply, is := rueidis.IsRedisErr(err)
	if !is {
		return false
	}
	word, _, _ := strings.Cut(reply.Error(), " ")
	switch word {
	case "OOM", "LOADING", "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MISCONF":
		return true
	}
	return false
}

// Forbidden reports whether an error says that the user of Redis may not do what was asked.
func Forbidden(err error) bool {
	reply, is := errors.AsType[*rueidis.RedisError](err)
	return is && strings.HasPrefix(reply.Error(), "NOPERM")
}

// outcome is what has become of an item.
type outcome struct {
	reply string // the id of an entry, or what was under a key
	err   error
}

// execute publishes a batch in one round trip.
func (r *Redis) execute(ctx context.Context, batch []Item) []outcome {
	commands := make([]rueidis.Completed, 0, len(batch)+2)
	entries := 0
	for i := range batch {
		commands = append(commands, r.command(&batch[i]))
		if batch[i].Fields != nil && batch[i].Verb == "" {
			entries++
		}
	}
	if entries > 1 && r.Client.Mode() != rueidis.ClientModeCluster {
		return r.transaction(ctx, commands)
	}
	if r.publishesAnywhere() {
		return r.publishThroughOne(ctx, batch)
	}
	return outcomesOf(r.Client.DoMulti(ctx, commands...))
}

func outcomesOf(results []rueidis.RedisResult) []outcome {
	outcomes := make([]outcome, len(results))
	for i, result := range results {
		if m, err := result.ToMessage(); isNil(err) {
			outcomes[i] = outcome{} // such as a key that is not there
		} else if err != nil {
			outcomes[i] = outcome{err: err}
		} else {
			outcomes[i] = outcomeOf(&m)
		}
	}
	return outcomes
}

func outcomeOf(m *rueidis.RedisMessage) (o outcome) {
	if o.err = m.Error(); o.err == nil && m.IsString() {
		o.reply, o.err = m.ToString()
	}
	return o
}

// transaction adds several entries in a transaction. Redis gives a reader that waits the first
// entry as soon as it is there: without a transaction every batch reaches all nodes as one entry
// and, after another round trip, the rest, and clients get two writes instead of one.
func (r *Redis) transaction(ctx context.Context, commands []rueidis.Completed) []outcome {
	b := r.Client.B()
	all := append([]rueidis.Completed{b.Multi().Build()}, commands...)
	results := r.Client.DoMulti(ctx, append(all, b.Exec().Build())...)
	outcomes := make([]outcome, len(commands))
	replies, err := results[len(results)-1].ToArray()
	if err == nil && len(replies) != len(commands) {
		err = fmt.Errorf("Redis answers a transaction of %d commands with %d replies", len(commands), len(replies))
	}
	if err != nil { // nothing was carried out, because of the first one that was refused, if any was
		for _, result := range results[1 : len(results)-1] {
			if refusal := result.Error(); refusal != nil {
				err = refusal
				break
			}
		}
	}
	for i := range outcomes {
		if outcomes[i].err = err; err == nil {
			outcomes[i] = outcomeOf(&replies[i])
		}
	}
	return outcomes
}

func (r *Redis) command(i *Item) rueidis.Completed {
	b := r.Client.B()
	switch {
	case i.Verb != "":
		return b.Arbitrary(i.Verb).Keys(i.Channel).Args(i.Fields...).Build()
	case i.Fields != nil:
		return b.Arbitrary("XADD").Keys(i.Channel).Args(i.Fields...).Build()
	case r.sharded:
		return b.Spublish().Channel(i.Channel).Message(rueidis.BinaryString(i.Payload)).Build()
	}
	return b.Publish().Channel(i.Channel).Message(rueidis.BinaryString(i.Payload)).Build()
}

// isNil reports that Redis had nothing to answer, as at the end of a read that blocks.
func isNil(err error) bool { return err != nil && rueidis.IsRedisNil(err) }

// Count returns how many subscriptions of the cluster there are to a channel. With an error, they
// are those at the servers of a Redis Cluster that have answered.
func (r *Redis) Count(ctx context.Context, channel string) (int, error) {
	type answer struct {
		subscriptions int64
		err           error
	}
	nodes := r.Client.Nodes()
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			n, err := r.countAt(ctx, node, channel)
			answers <- answer{n, err}
		}()
	}
	total, failed := int64(0), error(nil)
	for range nodes {
		var a answer
		select {
		case a = <-answers:
		case <-ctx.Done():
			a.err = ctx.Err() // of a server that does not even take the connection
		}
		if total += a.subscriptions; a.err != nil {
			failed = fmt.Errorf("cannot count the nodes on %s: %w", channel, a.err)
		}
	}
	if failed == nil { // there may be nothing to send that would tell
		r.health.works(outboxPart{r.out, "connection"})
		r.health.works(outboxPart{r.commands, "connection"})
	}
	return int(total), failed
}

// countAt is Count at one server.
func (r *Redis) countAt(ctx context.Context, node rueidis.Client, channel string) (int64, error) {
	what := "NUMSUB"
	if r.sharded {
		what = "SHARDNUMSUB"
	}
	list, err := node.Do(ctx, node.B().Arbitrary("PUBSUB", what).Args(channel).Build()).ToArray()
	if err != nil || len(list) != 2 {
		return 0, err
	}
	return list[1].AsInt64()
}

// losses are the messages and commands that were dropped and that failed.
func (r *Redis) losses() (dropped, failed uint64) {
	s := r.out.stats().with(r.commands)
	return s.Dropped, s.Failed
}

// Stats returns what went over the bus.
func (r *Redis) Stats() Stats {
	s := r.out.stats().with(r.commands)
	s.Connected = r.health.healthy()
	s.Received, s.ReceivedBytes, s.Reconnects = r.received.Load(), r.receivedBytes.Load(), r.reconnects.Load()
	s.Missed = r.health.missed()
	return s
}

// Close sends the queued items, for a second at most, and disconnects.
func (r *Redis) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r.out.close(ctx)
	r.commands.close(ctx)
	r.stop()
	r.health.close()
	r.ending.Wait()
	r.Client.Close()
	return nil
}

// arrived counts a message of the broker.
func (r *Redis) arrived(bytes int) {
	r.received.Add(1)
	r.receivedBytes.Add(uint64(bytes))
}
