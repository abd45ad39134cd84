package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
	"github.com/throng-io/throng/server/emitter"
	"github.com/throng-io/throng/server/metrics"
)

// clusterTime is how long the broker may take to confirm the subscriptions of a server, or to take
// a message.
const clusterTime = 10 * time.Second

// clusterFlags are the flags of a server that is one of several.
type clusterFlags struct {
	address string
	opts    adapter.Options
	cluster *adapter.Cluster
}

func (c *clusterFlags) register(f *pflag.FlagSet) {
	f.StringVar(&c.address, "adapter", "", "`URL` of the broker that connects several servers: redis://, redis+sharded://, redis+streams://, nats://, nats+jetstream://, nats+embedded:// or nats+embedded+jetstream:// with HOST:PORT")
	f.StringVar(&c.opts.Prefix, "adapter-prefix", "socket.io", "what the channels of the cluster begin with; the same on all its servers")
	f.StringVar(&c.opts.Stream, "adapter-stream", "", "`NAME` of the stream, on redis+streams; the same on all servers (default as --adapter-prefix)")
	f.IntVar(&c.opts.Streams, "adapter-streams", 1, "over how many streams the namespaces are spread, on redis+streams; the same on all servers")
	f.StringVar(&c.opts.Subscriptions, "adapter-rooms", "dynamic", "rooms with a channel of their own, on redis+sharded and NATS: dynamic, dynamic-private or static; the same on all servers")
}

// open connects to the broker, if there is one.
func (c *clusterFlags) open(opts *server.Options) (err error) {
	if c.address == "" {
		return nil
	}
	if c.cluster, err = adapter.Open(c.address, c.opts); err != nil {
		return fmt.Errorf("--adapter: %w", err)
	}
	opts.Adapter = c.cluster.Adapter
	return nil
}

// ready waits until messages of the other servers arrive.
func (c *clusterFlags) ready(ctx context.Context) error {
	if c.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	return c.cluster.Ready(ctx)
}

// measured is the cluster for the metrics, if there is one.
func (c *clusterFlags) measured() []metrics.Cluster {
	if c.cluster == nil {
		return nil
	}
	return []metrics.Cluster{c.cluster}
}

func (c *clusterFlags) close() error {
	if c.cluster == nil {
		return nil
	}
	return c.cluster.Close()
}

const emitHelp = `Send an event to the clients of a cluster, through its broker: to all of a namespace,
or to those in rooms. The servers may be ours (throng serve --adapter) or official ones
with the same adapter. The arguments of the event are JSON values.

User and password of the broker can stand in the environment instead of the address:
REDIS_USERNAME and REDIS_PASSWORD; with rediss:// also files of certificates, in
REDIS_CA, REDIS_CERT and REDIS_KEY.

` + natsHelp

func emitCommand() *cobra.Command {
	var (
		address, namespace string
		rooms, except      []string
		volatile           bool
		opts               emitter.Options
	)
	cmd := &cobra.Command{
		Use:   "emit --broker URL EVENT [JSON ... | -]",
		Short: "Send an event to the clients of a cluster, through its broker",
		Long:  emitHelp,
		Example: `  throng emit --broker redis://localhost:6379 --room news headline '{"id": 7}'
  throng emit --broker nats://localhost:4222 --namespace /admin reload
  jq -c '[.]' orders.json | throng emit --broker redis://localhost:6379 order -`,
		Args: arguments(1, 1000),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			events, err := eventsOf(args[1:], stdinOf(cmd))
			if err != nil {
				return err
			}
			if address == "" {
				return errors.New("--broker is missing: give the address that the servers have as --adapter, such as redis://localhost:6379")
			}
			if err := emitter.Check(address, opts); err != nil {
				return fmt.Errorf("--broker: %w", err)
			}
			e, err := emitter.Open(address, opts)
			if err != nil {
				return &exitError{exitUnreachable, fmt.Errorf("--broker: %w", err)}
			}
			defer func() {
				if closed := e.Close(); err == nil {
					err = closed
				}
			}()
			to := e.Of(namespace)
			for _, room := range rooms {
				to = to.To(room)
			}
			for _, room := range except {
				to = to.Except(room)
			}
			if volatile {
				to = to.Volatile()
			}
			return emitAll(cmd.Context(), to, args[0], events)
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "broker", "", "`URL` of the broker, as the servers' --adapter")
	f.StringVar(&opts.Prefix, "prefix", "socket.io", "what the channels of the cluster begin with, as the servers' --adapter-prefix")
	f.StringVar(&opts.Stream, "stream", "", "`NAME` of the stream, on redis+streams, as the servers' --adapter-stream (default as --prefix)")
	f.IntVar(&opts.Streams, "streams", 1, "number of streams, as the servers' --adapter-streams")
	f.StringVar(&namespace, "namespace", "/", "`NAME` of the namespace")
	f.StringArrayVar(&rooms, "room", nil, "clients in this `ROOM`, which may be the id of a socket; can be given several times (default all)")
	f.StringArrayVar(&except, "except", nil, "but not those in this `ROOM`; can be given several times")
	f.BoolVar(&volatile, "volatile", false, "clients that cannot take the event at once may miss it")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "redis" { // --redis URL is understood as well
			name = "broker"
		}
		return pflag.NormalizedName(name)
	})
	return cmd
}

// emitAll sends an event with each list of values, until ctx ends.
func emitAll(ctx context.Context, to emitter.Target, event string, events iter.Seq2[[]any, error]) error {
	for values, err := range events {
		if err == nil {
			err = emitOne(ctx, to, event, values)
		}
		if ctx.Err() != nil {
			return &exitError{code: exitInterrupted}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func emitOne(ctx context.Context, to emitter.Target, event string, values []any) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	return to.Emit(ctx, event, values...)
}

// maxLine is the longest line of arguments, in bytes.
const maxLine = 64 << 20

// eventsOf returns the arguments of each event: those of the command line, or of each line of in.
func eventsOf(args []string, in io.Reader) (iter.Seq2[[]any, error], error) {
	if len(args) != 1 || args[0] != "-" {
		values := make([]any, 0, len(args))
		for i, text := range args {
			if !json.Valid([]byte(text)) {
				return nil, fmt.Errorf("argument %d of the event is not JSON: %s; write text with quotes, as '\"text\"'", i+1, text)
			}
			values = append(values, json.RawMessage(text))
		}
		return func(yield func([]any, error) bool) { yield(values, nil) }, nil
	}
	return func(yield func([]any, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for n := 1; lines.Scan(); n++ {
			var list []json.RawMessage
			if err := json.Unmarshal(lines.Bytes(), &list); err != nil {
				yield(nil, fmt.Errorf("line %d of standard input is no JSON list of arguments: %w", n, err))
				return
			}
			values := make([]any, len(list))
			for i, value := range list {
				values[i] = value
			}
			if !yield(values, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("standard input: %w", err))
		}
	}, nil
}
