package adapter

import (
	"context"
	"fmt"

	"github.com/throng-io/throng/server/internal/bus"
)

// Open connects to a broker. The address is one of
//
//	redis://[USER:PASSWORD@]HOST:PORT[/DB]    rediss:// with TLS, unix:///PATH for a socket
//	redis+sharded://…                         rediss+sharded://, unix+sharded://
//	redis+streams://…                         rediss+streams://, unix+streams://
//	nats://[USER:PASSWORD@]HOST:PORT          tls:// with TLS
//	nats+jetstream://…                        tls+jetstream://
//	nats+embedded://HOST:PORT                 on a NATS server in this process, which other servers
//	                                          reach with nats://HOST:PORT; default 127.0.0.1:4222
//
// Several servers of one Redis Cluster, Sentinel or NATS are given as ?addr=HOST:PORT&addr=…, and
// the name of the master that Sentinel watches as master_set=NAME. User and password can come from
// the environment instead, where they are in no list of processes: REDIS_USERNAME, REDIS_PASSWORD,
// for Sentinel REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD, and for NATS the variables of
// package natsconn. With rediss:// REDIS_CA names a file of certificates to trust, REDIS_CERT and
// REDIS_KEY those of the client's certificate and its key. The number of a database does not keep
// clusters apart, since what is published reaches the subscribers of all; [Options.Prefix] does.
//
// Open fails if the broker cannot be reached, or does not know Stream, Streams or Subscriptions of
// the options. Afterwards connections are made anew whenever they
// end.
func Open(address string, o Options) (*Cluster, error) {
	given := o
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := bus.Parse(address)
	if err == nil {
		err = given.fit(at)
	}
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	c := &Cluster{opts: o, name: at.Form.Name(), recount: make(chan struct{}, 1), stopped: make(chan struct{})}
	if at.Form == bus.OnNATS {
		err = c.openNATS(at)
	} else {
		err = c.openRedis(at)
	}
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	go c.watch(ctx)
	return c, nil
}

func (c *Cluster) openRedis(at bus.Address) error {
	r, err := bus.OpenRedis(at, bus.Options{MaxQueue: c.opts.MaxQueue, Logger: c.opts.Logger})
	if err != nil {
		return err
	}
	c.broker = r
	if at.Form == bus.Classic {
		c.link = func(n *node) link { return newClassicLink(n, r) }
		return nil
	}
	if at.Form == bus.Streams {
		return c.openStreams(r)
	}
	c.link = func(n *node) link {
		l := newRoomLink(n, r)
		l.others = func(ctx context.Context) (int, error) {
			all, err := r.Count(ctx, l.wire.Everyone(n.ns.Name()))
			return max(0, all-1), err
		}
		return l
	}
	return nil
}
