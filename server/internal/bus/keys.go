package bus

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// What is kept under keys for a time. All of it goes one after the other, in the order of calls.

// Keep keeps a text under a key, with old only if there is one already. It does not wait.
func (r *Redis) Keep(key, text string, within time.Duration, old bool) {
	fields := []string{text, "PX", milliseconds(max(within, time.Millisecond))}
	if old {
		fields = append(fields, "XX")
	}
	r.Publish(Item{Channel: key, Verb: "SET", Fields: fields})
}

// Extend keeps what is under a key for a time from now on, and forgets it if that is 0. It does not
// wait.
func (r *Redis) Extend(key string, within time.Duration) {
	r.Publish(Item{Channel: key, Verb: "PEXPIRE", Fields: []string{milliseconds(within)}})
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// errQueue says that MaxQueue was reached.
var errQueue = errors.New("too much waits to be sent to the broker")

// Take returns what is kept under a key, and forgets it; "" if there is nothing.
func (r *Redis) Take(ctx context.Context, key string) (string, error) {
	return take(ctx, Item{Channel: key, Verb: "GETDEL"}, r.Publish)
}

// take has an item put into a queue, and waits for its answer.
func take(ctx context.Context, i Item, put func(Item) bool) (string, error) {
	type answer struct {
		text string
		err  error
	}
	taken := make(chan answer, 1)
	i.Done = func(text string, err error) { taken <- answer{text, err} }
	if !put(i) {
		return "", errQueue
	}
	select {
	case a := <-taken:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
