package adapter

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server/adapter/internal/bus"
)

// Open connects to a broker. The address is one of
//
//	redis://[USER:PASSWORD@]HOST:PORT[/DB]    rediss:// with TLS, unix:///PATH for a socket
//	redis+sharded://…                         rediss+sharded://, unix+sharded://
//	nats://[USER:PASSWORD@]HOST:PORT          tls:// with TLS
//	nats+embedded://                          on a NATS server in this process, for one machine
//
// Several servers of one Redis Cluster or Sentinel are given as ?addr=HOST:PORT&addr=…, and the
// name of the master that Sentinel watches as master_set=NAME. User and password can come from the
// environment instead, where they are in no list of processes: REDIS_USERNAME and REDIS_PASSWORD,
// NATS_USER and NATS_PASSWORD, NATS_CREDS (a file).
//
// Open fails if the broker cannot be reached. Afterwards connections are made anew whenever they
// end.
func Open(ctx context.Context, address string, o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		// The error would show the password.
		return nil, errors.New("adapter: the address is not a URL: write redis://HOST:PORT or nats://HOST:PORT")
	}
	scheme, form, _ := strings.Cut(u.Scheme, "+")
	u.Scheme = scheme
	c := &Cluster{opts: o}
	switch {
	case scheme == "nats" || scheme == "tls":
		return c, c.openNATS(ctx, u, form)
	case scheme != "redis" && scheme != "rediss" && scheme != "unix":
		return nil, fmt.Errorf("adapter: %q is no known kind of address: write redis://, redis+sharded:// or nats://", u.Scheme)
	case form != "" && form != "sharded":
		return nil, fmt.Errorf("adapter: redis+%s is not known: write redis:// or redis+sharded://", form)
	}
	r, err := openRedis(u, o, form == "sharded")
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	c.broker = r
	if form == "" {
		c.link = func(n *node) link { return newClassic(n, r) }
		return c, nil
	}
	c.link = func(n *node) link {
		l := newRoomed(n, r)
		l.others = func(ctx context.Context) (int, error) {
			all, err := r.Count(ctx, l.wire.Everyone(n.ns.Name()))
			return max(0, all-1), err
		}
		return l
	}
	return c, nil
}

// openRedis connects to Redis.
func openRedis(u *url.URL, o Options, sharded bool) (*bus.Redis, error) {
	opts, err := rueidis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("the address of Redis is not usable: %s", strings.ReplaceAll(err.Error(), u.String(), u.Redacted()))
	}
	if opts.Username == "" && opts.Password == "" {
		opts.Username, opts.Password = os.Getenv("REDIS_USERNAME"), os.Getenv("REDIS_PASSWORD")
	}
	opts.ClientName = "throng"
	opts.Dialer.Timeout = 5 * time.Second
	return bus.OpenRedis(bus.RedisOptions{ClientOption: opts, Sharded: sharded, MaxQueue: o.MaxQueue, Logger: o.Logger})
}
