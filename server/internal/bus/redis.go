package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// Redis is a connection to a Redis server, to one behind Sentinel, or to a Redis Cluster.
type Redis struct {
	Client  rueidis.Client
	sharded bool // SPUBLISH and SSUBSCRIBE
	log     *slog.Logger
	out     *outbox
	in      *subscriber

	ctx    context.Context
	stop   context.CancelFunc
	ending sync.WaitGroup

	received, reconnects atomic.Uint64
	complained           atomic.Int64 // when a failure was logged last, in Unix seconds
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
	r := &Redis{Client: client, sharded: a.Form == Sharded, log: o.Logger}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.out = newOutbox(o.MaxQueue, r.send)
	r.in = newSubscriber(r)
	r.ending.Go(func() { r.out.run(r.ctx) })
	r.ending.Go(r.in.run)
	return r, nil
}

// Publish queues a message. It never waits, and reports whether there was room for it.
func (r *Redis) Publish(i Item) bool { return r.out.put(i) }

// Subscribe calls f for each message of a channel, or with star of all that begin with it, until
// Unsubscribe. All messages of the bus come one at a time, in the order of the broker. It returns
// at once; see Ready.
func (r *Redis) Subscribe(channel string, star bool, f func(channel, payload string)) {
	r.in.add(subscription{channel, star}, f)
}

// Unsubscribe ends a subscription.
func (r *Redis) Unsubscribe(channel string, star bool) { r.in.remove(subscription{channel, star}) }

// Ready waits until the broker has confirmed all subscriptions.
func (r *Redis) Ready(ctx context.Context) error { return r.in.ready(ctx) }

// send publishes a batch in one round trip. What has surely not reached the broker is returned.
func (r *Redis) send(ctx context.Context, batch []Item) (unsent []Item) {
	commands := make([]rueidis.Completed, len(batch))
	for i := range batch {
		commands[i] = r.command(&batch[i])
	}
	for i, result := range r.Client.DoMulti(ctx, commands...) {
		reply, err := "", result.Error()
		if err == nil && batch[i].Fields != nil {
			reply, err = result.ToString()
		}
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" && ctx.Err() == nil {
			r.complain(err)
			unsent = append(unsent, batch[i])
			continue
		}
		if err != nil {
			r.out.failed.Add(1)
			r.complain(err)
		} else {
			r.out.published.Add(1)
		}
		if batch[i].Done != nil {
			batch[i].Done(reply, err)
		}
	}
	return unsent
}

func (r *Redis) command(i *Item) rueidis.Completed {
	b := r.Client.B()
	switch {
	case i.Fields != nil:
		return b.Arbitrary("XADD").Keys(i.Channel).Args(i.Fields...).Build()
	case r.sharded:
		return b.Spublish().Channel(i.Channel).Message(rueidis.BinaryString(i.Payload)).Build()
	}
	return b.Publish().Channel(i.Channel).Message(rueidis.BinaryString(i.Payload)).Build()
}

// isNil reports that Redis had nothing to answer, as at the end of a read that blocks.
func isNil(err error) bool { return err != nil && rueidis.IsRedisNil(err) }

// complain logs a failure, once a second at most.
func (r *Redis) complain(err error) {
	now := time.Now().Unix()
	if last := r.complained.Load(); last != now && r.complained.CompareAndSwap(last, now) {
		r.log.Error("Redis failed", "error", err, "failed", r.out.failed.Load(), "dropped", r.out.dropped.Load())
	}
}

// Count returns how many subscriptions of the cluster there are to a channel.
func (r *Redis) Count(ctx context.Context, channel string) (int, error) {
	what := "NUMSUB"
	if r.sharded {
		what = "SHARDNUMSUB"
	}
	total := int64(0)
	for _, node := range r.Client.Nodes() {
		list, err := node.Do(ctx, node.B().Arbitrary("PUBSUB", what).Args(channel).Build()).ToArray()
		if err != nil {
			return 0, fmt.Errorf("cannot count the nodes on %s: %w", channel, err)
		}
		if len(list) == 2 {
			n, _ := list[1].AsInt64()
			total += n
		}
	}
	return int(total), nil
}

// Stats returns what went over the bus.
func (r *Redis) Stats() Stats {
	return Stats{
		Published: r.out.published.Load(), Received: r.received.Load(), Dropped: r.out.dropped.Load(), Failed: r.out.failed.Load(),
		Reconnects: r.reconnects.Load(), Queued: r.out.queued(),
	}
}

// Close sends what waits, for a second at most, and disconnects.
func (r *Redis) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r.out.close(ctx)
	r.stop()
	r.ending.Wait()
	r.Client.Close()
	return nil
}
