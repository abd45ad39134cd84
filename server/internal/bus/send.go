package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Sender publishes single messages, and waits for the broker. It is for processes that are no
// servers.
type Sender interface {
	Send(ctx context.Context, i Item) error
	Close() error
}

// Send publishes a message and waits until the broker has it.
func (r *Redis) Send(ctx context.Context, i Item) error {
	return r.execute(ctx, []Item{i})[0].err
}

// Send publishes a message and waits until the server has it.
func (b *NATS) Send(ctx context.Context, i Item) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sendTime)
		defer cancel()
	}
	if i.Verb == toLog {
		js, _ := jetstream.New(b.conn) // without options it cannot fail
		_, err := js.Publish(ctx, i.Channel, i.Payload)
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			err = errors.New("there is no log on JetStream: no server of the cluster has recovery")
		}
		return err
	}
	if err := b.conn.Publish(subject(i.Channel), i.Payload); err != nil {
		return err
	}
	return b.conn.FlushWithContext(ctx)
}
