package bus

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What is kept under keys for a time, in the bucket beside the stream of a log.

// Keep keeps a text under a key, with old only if there is one already. It does not wait.
func (l *Log) Keep(key, text string, within time.Duration, old bool) {
	verb := "keep"
	if old {
		verb = "again"
	}
	l.keys.put(Item{Channel: key, Verb: verb, Payload: []byte(expiring(text, within))})
}

// Extend keeps what is under a key for a time from now on, and forgets it if that is 0. It does not
// wait.
func (l *Log) Extend(key string, within time.Duration) {
	l.keys.put(Item{Channel: key, Verb: "extend", Fields: []string{within.String()}})
}

// Take returns what is kept under a key, and forgets it; "" if there is nothing.
func (l *Log) Take(ctx context.Context, key string) (string, error) {
	return take(ctx, Item{Channel: key, Verb: "take"}, l.keys.put)
}

// expiring is a text with the time until which it counts: the bucket has one age for all keys.
func expiring(text string, within time.Duration) string {
	return time.Now().Add(within).UTC().Format(time.RFC3339Nano) + " " + text
}

// unexpired is the reverse; "" if the time is over.
func unexpired(value []byte) string {
	until, text, _ := strings.Cut(string(value), " ")
	if at, err := time.Parse(time.RFC3339Nano, until); err != nil || time.Now().After(at) {
		return ""
	}
	return text
}

func (l *Log) sendKeys(ctx context.Context, batch []Item) (unsent []Item) {
	_, bucket, err := l.parts()
	if err != nil || !l.bus.conn.IsConnected() {
		return batch
	}
	var refusal error
	for i := range batch {
		text, err := l.sendKey(ctx, bucket, &batch[i])
		l.keys.count(&batch[i], err)
		if errors.As(err, new(*jetstream.APIError)) {
			refusal = fmt.Errorf("a socket that may come back is not kept in the bucket %s: %w; Recovery.MaxBytes of the server that made it is its size", l.name, err)
		}
		if batch[i].Done != nil {
			batch[i].Done(text, err)
		}
	}
	l.bus.health.note("sockets that may come back", refusal)
	return nil
}

// sendKey does what an item asks for. What another server changes meanwhile is not done.
func (l *Log) sendKey(ctx context.Context, bucket jetstream.KeyValue, i *Item) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	key := base64.RawURLEncoding.EncodeToString([]byte(i.Channel))
	if i.Verb == "keep" {
		_, err = bucket.Put(ctx, key, i.Payload)
		return "", err
	}
	entry, err := bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	switch i.Verb {
	case "again":
		_, err = bucket.Update(ctx, key, i.Payload, entry.Revision())
	case "extend":
		within, _ := time.ParseDuration(i.Fields[0])
		if within > 0 {
			_, err = bucket.Update(ctx, key, []byte(expiring(unexpired(entry.Value()), within)), entry.Revision())
			break
		}
		err = bucket.Purge(ctx, key, jetstream.LastRevision(entry.Revision()))
	case "take":
		if err = bucket.Purge(ctx, key, jetstream.LastRevision(entry.Revision())); err == nil {
			text = unexpired(entry.Value())
		}
	}
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) { // it is another one by now
		return "", nil
	}
	return text, err
}
