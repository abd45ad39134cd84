package bus

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Entry is an entry of a stream.
type Entry struct {
	Stream, ID string
	Fields     map[string]string
}

// Keep begins the fields of an Item that is added to a stream of about so many entries.
func Keep(length int) []string { return []string{"MAXLEN", "~", strconv.Itoa(length), "*"} }

// Follow calls f for each entry that is added to the streams from now on, one at a time and in the
// order of each stream, until the bus is closed. The place where it begins is fixed when it
// returns.
func (r *Redis) Follow(ctx context.Context, streams []string, f func(Entry)) error {
	last := make(map[string]string, len(streams))
	for _, name := range streams {
		all, err := r.Client.Do(ctx, r.Client.B().Xrevrange().Key(name).End("+").Start("-").Count(1).Build()).AsXRange()
		if err != nil {
			return fmt.Errorf("cannot read the stream %s: %w", name, err)
		}
		last[name] = "0-0"
		if len(all) > 0 {
			last[name] = all[0].ID
		}
	}
	for _, name := range streams {
		r.ending.Go(func() { r.follow(name, last[name], f) })
	}
	return nil
}

// readCount and readBlock are how many entries are read at a time, and how long for the first one.
const (
	readCount = 512
	readBlock = 5 * time.Second
)

func (r *Redis) follow(name, last string, f func(Entry)) {
	part := "the stream " + name
	for r.ctx.Err() == nil {
		read := r.Client.B().Xread().Count(readCount).Block(readBlock.Milliseconds()).Streams().Key(name).Id(last).Build()
		reply := r.Client.Do(r.ctx, read)
		streams, err := reply.AsXRead()
		if r.ctx.Err() != nil {
			return
		}
		if err != nil && !isNil(reply.Error()) {
			r.health.lost(part, err)
			pause(r.ctx)
			continue
		}
		if r.health.found(part) {
			r.reconnects.Add(1)
		}
		for _, e := range streams[name] {
			last = e.ID
			r.arrived(len(e.FieldValues["data"]) + len(name))
			f(Entry{name, e.ID, e.FieldValues})
		}
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
