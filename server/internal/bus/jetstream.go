package bus

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LogOptions say how a log on JetStream is kept.
type LogOptions struct {
	Name     string // of what is logged: the same on all servers that share it
	Replicas int    // servers that have it
	Age      time.Duration
	Count    int64
	Bytes    int64
}

// Log is a stream of JetStream, and a bucket of keys beside it.
type Log struct {
	bus     *NATS
	js      jetstream.JetStream
	options LogOptions
	name    string
	began   func(created, last uint64)
	arrived func(Record)
	ready   chan struct{} // closed when it is followed
	keys    *outbox

	mu     sync.Mutex
	stream jetstream.Stream
	bucket jetstream.KeyValue
	twice  uint64 // numbers up to it stand for two messages; 0: none does
}

// Record is a message in a log.
type Record struct {
	Number  uint64
	Payload []byte
}

const toLog = "log" // Item.Verb of what goes into a log

// OpenLog makes the stream and the bucket unless they are there, and follows the stream from its
// end on: it calls began when it begins, and anew if the stream was lost and is another one, and
// arrived for each message, one at a time and in order, until the bus is closed. It returns at
// once; see Ready. There is one log of a bus.
func (b *NATS) OpenLog(o LogOptions, began func(created, last uint64), arrived func(Record)) *Log {
	// Its options are valid: it cannot fail.
	js, _ := jetstream.New(b.conn, jetstream.WithPublishAsyncTimeout(sendTime), jetstream.WithPublishAsyncMaxPending(2*maxBatch))
	l := &Log{
		bus: b, js: js, options: o, name: logName(o.Name),
		began: began, arrived: arrived, ready: make(chan struct{}),
	}
	l.keys = newOutbox(b.out.limit, l.sendKeys)
	b.log.Store(l)
	b.ending.Go(l.follow)
	b.ending.Go(func() { l.keys.run(b.ctx) })
	return l
}

// logName is the name of the stream and the bucket of a log.
func logName(name string) string {
	return "throng-" + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// subject is a channel of the log.
func (l *Log) subject(channel string) string { return LogItem(l.options.Name, channel, nil).Channel }

// LogItem is something to add to the log of LogOptions.Name.
func LogItem(name, channel string, payload []byte) Item {
	return Item{
		Channel: logName(name) + "." + base64.RawURLEncoding.EncodeToString([]byte(channel)), Payload: payload, Verb: toLog,
	}
}

// Ready waits until the log is followed.
func (l *Log) Ready(ctx context.Context) error {
	select {
	case <-l.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open makes the stream and the bucket, in memory, unless they are there. The server that is the
// first says how they are.
func (l *Log) open(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	o := &l.options
	bucket, err := l.js.KeyValue(ctx, l.name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		bucket, err = l.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: l.name, TTL: o.Age, Storage: jetstream.MemoryStorage, Replicas: o.Replicas, MaxBytes: o.Bytes,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the bucket %s: %w", l.name, err)
	}
	stream, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = l.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: l.name, Subjects: []string{l.name + ".>"}, Storage: jetstream.MemoryStorage, Replicas: o.Replicas,
			MaxAge: o.Age, MaxMsgs: o.Count, MaxBytes: o.Bytes, AllowDirect: true,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the stream %s: %w", l.name, err)
	}
	l.mu.Lock()
	l.stream, l.bucket = stream, bucket
	l.mu.Unlock()
	return stream, nil
}

// follow reads the stream, and makes it and the reader anew when they are lost.
func (l *Log) follow() {
	const part = "JetStream"
	var created uint64
	var at atomic.Uint64 // what was read last
	short := false       // the stream was seen to end before that
	for ctx := l.bus.ctx; ctx.Err() == nil; pause(ctx) {
		stream, err := l.open(ctx)
		if err != nil {
			l.bus.health.note(part, err)
			continue
		}
		info := stream.CachedInfo()
		switch now := uint64(max(1, info.Created.UnixMilli())); {
		case now != created:
			at.Store(0)
			if created == 0 {
				at.Store(info.State.LastSeq)
			}
			created = now
			l.repeats(0)
			l.began(created, at.Load())
		case short || lacks(info, at.Load()):
			at.Store(l.emptied(info, at.Load()))
			l.began(created, at.Load())
		}
		short, err = l.read(ctx, stream, &at)
		if ctx.Err() == nil {
			l.bus.health.note(part, err)
		}
	}
}

// lacks reports whether a stream ends before what was read of it. Only one with a single copy does:
// of several, the one that has just become the leader may not know all yet.
func lacks(info *jetstream.StreamInfo, read uint64) bool {
	return info.Config.Replicas <= 1 && info.State.LastSeq < read
}

// emptied returns the number behind which a stream is read on that ends before what was read of it
// last. In a cluster of NATS that becomes of one in memory when its server is started again: it is
// empty, begins with 1 again, and was made when it was. One in files lacks its last messages when a
// machine has failed, and those that are there were read.
func (l *Log) emptied(info *jetstream.StreamInfo, read uint64) (from uint64) {
	l.repeats(max(l.twice, read))
	l.bus.health.beganAgain(l.name, strconv.FormatUint(read, 10), strconv.FormatUint(info.State.LastSeq, 10))
	if info.Config.Storage == jetstream.MemoryStorage {
		return max(info.State.FirstSeq, 1) - 1
	}
	return min(info.State.LastSeq, read)
}

// repeats notes up to which number there were two messages of the same one.
func (l *Log) repeats(upTo uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.twice = upTo
}

// read follows the stream behind a number, until that fails, or until the stream is short: until it
// ends before what was read of it. By the next look it may have grown beyond that.
func (l *Log) read(ctx context.Context, stream jetstream.Stream, at *atomic.Uint64) (short bool, err error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: at.Load() + 1, MaxResetAttempts: 3,
	})
	if err != nil {
		return false, err
	}
	messages, err := consumer.Messages(jetstream.PullHeartbeat(time.Second), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return false, err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	var seen atomic.Bool // by watchEnd
	var watching sync.WaitGroup
	defer watching.Wait()
	watched, stop := context.WithCancel(ctx)
	defer stop()
	watching.Go(func() {
		if l.watchEnd(watched, at) {
			seen.Store(true)
			stop() // messages.Stop has no effect while the library makes its consumer anew, as it does then
		}
	})
	select {
	case <-l.ready:
	default:
		close(l.ready)
	}
	l.bus.health.note("JetStream", nil)
	next := jetstream.NextContext(watched)
	for {
		m, err := messages.Next(next)
		if watched.Err() != nil {
			return seen.Load(), nil // it was ended here
		}
		if err != nil {
			return false, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return false, err
		}
		number, read := meta.Sequence.Stream, at.Load()
		if number <= read {
			continue
		}
		if missed := number - read - 1; missed > 0 {
			l.bus.health.fellBehind(l.name, missed)
		}
		at.Store(number)
		l.bus.received.Add(1)
		l.bus.receivedBytes.Add(uint64(len(m.Data()) + len(m.Subject())))
		l.arrived(Record{number, m.Data()})
	}
}

// watchEnd returns true when the stream ends before what was read of it last, and false when ctx
// ends: a reader waits for the next number, and nothing else says that this one comes again.
func (l *Log) watchEnd(ctx context.Context, at *atomic.Uint64) bool {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		limited, cancel := context.WithTimeout(ctx, sendTime)
		read := at.Load()
		now, err := l.js.Stream(limited, l.name)
		cancel()
		if err == nil && lacks(now.CachedInfo(), read) {
			return true
		}
	}
}

func (l *Log) parts() (jetstream.Stream, jetstream.KeyValue, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream == nil {
		return nil, nil, errors.New("JetStream is not there yet")
	}
	return l.stream, l.bucket, nil
}

// Bounds returns when the stream was made, in Unix milliseconds, and the numbers of its first and
// its last message, where the first is behind the last if it is empty. Numbers that stand for two
// messages count as gone.
func (l *Log) Bounds(ctx context.Context) (created, first, last uint64, err error) {
	stream, _, err := l.parts()
	if err != nil {
		return 0, 0, 0, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	created, first, last = uint64(max(1, info.Created.UnixMilli())), info.State.FirstSeq, info.State.LastSeq
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.twice > 0 {
		first = max(first, l.twice+2) // who has got the one before the first has got all before
	}
	return created, first, last, nil
}

// Range calls f with the messages of a channel from one number to another, both included, until f
// returns false. It reads them without a consumer, which takes a server long to make (ADR-31,
// "Batched requests"; NATS 2.11).
func (l *Log) Range(ctx context.Context, channel string, from, to uint64, f func(Record) bool) error {
	inbox := l.bus.conn.NewInbox()
	sub, err := l.bus.conn.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // of a connection that is closed
	for more := true; more && from <= to; {
		request := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q,"batch":%d}`, from, l.subject(channel), maxBatch)
		if err := l.bus.conn.PublishRequest("$JS.API.DIRECT.GET."+l.name, inbox, request); err != nil {
			return err
		}
		if more, err = l.batch(ctx, sub, func(r Record) bool {
			from = r.Number + 1
			return r.Number <= to && f(r)
		}); err != nil {
			return err
		}
	}
	return nil
}

// batch reads the answer to one request for messages, and reports whether there may be more.
func (l *Log) batch(ctx context.Context, sub *nats.Subscription, f func(Record) bool) (more bool, err error) {
	for count := 0; ; count++ {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return false, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204": // the end
			return count > 0 && m.Header.Get("Nats-Num-Pending") != "0", nil
		case "404": // nothing is there
			return false, nil
		default:
			return false, fmt.Errorf("JetStream answers %s %s", status, m.Header.Get("Description"))
		}
		number, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return false, fmt.Errorf("JetStream does not number its messages: %w", err)
		}
		if !f(Record{number, m.Data}) {
			return false, nil
		}
	}
}

// add publishes what of a batch goes into a log, and returns a function that waits until all of it
// is there, and then returns what has become of one item.
func (l *Log) add(ctx context.Context, batch []Item) func(i int) error {
	futures := make([]jetstream.PubAckFuture, len(batch))
	errs := make([]error, len(batch))
	for i := range batch {
		if batch[i].Verb == toLog {
			futures[i], errs[i] = l.js.PublishMsgAsync(&nats.Msg{Subject: batch[i].Channel, Data: batch[i].Payload})
		}
	}
	return func(i int) error {
		if futures[i] == nil {
			return errs[i]
		}
		select {
		case <-futures[i].Ok():
			return nil
		case err := <-futures[i].Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
