package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/rueidis"
)

// Entry is an entry of a stream.
type Entry struct {
	Stream, ID string
	Fields     map[string]string
}

// Keep begins the fields of an Item that is added to a stream of about so many entries.
func Keep(length int) []string { return []string{"MAXLEN", "~", strconv.Itoa(length), "*"} }

// Last returns the id of the last entry of each stream, "0-0" of an empty one.
func (r *Redis) Last(ctx context.Context, streams []string) (map[string]string, error) {
	last := make(map[string]string, len(streams))
	for _, name := range streams {
		id, err := r.end(ctx, name, false)
		if err != nil {
			return nil, fmt.Errorf("cannot read the stream %s: %w", name, err)
		}
		last[name] = cmp.Or(id, "0-0")
	}
	return last, nil
}

// end returns the id of the first or the last entry of a stream, "" if there is none.
func (r *Redis) end(ctx context.Context, stream string, first bool) (id string, err error) {
	read := r.Client.B().Xrevrange().Key(stream).End("+").Start("-").Count(1).Build()
	if first {
		read = r.Client.B().Xrange().Key(stream).Start("-").End("+").Count(1).Build()
	}
	all, err := r.Client.Do(ctx, read).AsXRange()
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0].ID, nil
}

// Bounds returns the ids of the first and the last entry of a stream, "" if it has none.
func (r *Redis) Bounds(ctx context.Context, stream string) (first, last string, err error) {
	if first, err = r.end(ctx, stream, true); err != nil {
		return "", "", err
	}
	last, err = r.end(ctx, stream, false)
	return first, last, err
}

// Denied reports whether an error of Item.Done says that the broker did not take the item. After
// any other it may have.
func Denied(err error) bool {
	_, denied := rueidis.IsRedisErr(err)
	return denied || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.As(err, new(*jetstream.APIError))
}

// Follow calls f for each entry that is added to the streams behind the ids of last, one at a time
// and in the order of each stream, until the bus is closed.
func (r *Redis) Follow(last map[string]string, f func(Entry)) {
	for name, id := range last {
		r.ending.Go(func() { r.follow(name, id, f) })
	}
}

// readCount and readBlock are how many entries are read at a time, and how long for the first one.
const (
	readCount = 512
	readBlock = 5 * time.Second
)

func (r *Redis) follow(name, last string, f func(Entry)) {
	part := "the stream " + name
	end := tail{added: -1}
	last = r.lookBack(name, last, &end)
	for r.ctx.Err() == nil {
		block := readBlock
		if end.short { // look again soon
			block = lookEvery
		}
		read := r.Client.B().Xread().Count(readCount).Block(block.Milliseconds()).Streams().Key(name).Id(last).Build()
		reply := r.Client.Do(r.ctx, read)
		streams, err := reply.AsXRead()
		if r.ctx.Err() != nil {
			return
		}
		if err != nil && !isNil(reply.Error()) {
			r.health.fails(part, err)
			pause(r.ctx)
			continue
		}
		if r.health.works(part) {
			r.reconnects.Add(1)
		}
		for _, e := range streams[name] {
			last, end.read = e.ID, end.read+1
			r.arrived(len(e.FieldValues["data"]) + len(name))
			f(Entry{name, e.ID, e.FieldValues})
		}
		last = r.lookBack(name, last, &end)
	}
}

// Range returns entries of a stream from one id to another, both included, at most so many.
func (r *Redis) Range(ctx context.Context, stream, from, to string, count int64) ([]Entry, error) {
	all, err := r.Client.Do(ctx, r.Client.B().Xrange().Key(stream).Start(from).End(to).Count(count).Build()).AsXRange()
	if err != nil {
		return nil, err
	}
	list := make([]Entry, len(all))
	for i, e := range all {
		list[i] = Entry{stream, e.ID, e.FieldValues}
	}
	return list, nil
}
