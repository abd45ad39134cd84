package fleet

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/protocol/natsconn"
)

// connect connects to a NATS server or cluster.
func connect(address string) (*nats.Conn, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, fmt.Errorf("%q is not the address of a NATS server; write nats://HOST:4222 or tls://HOST:4222", redacted(address))
	}
	own, err := natsconn.Options(u)
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(address, append(
		own, nats.Name("throng fleet"), nats.NoEcho(), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond), nats.Timeout(5*time.Second),
		nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(maxKept),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // what is lost is sent again
	)...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to NATS at %s: %w; check that a NATS server runs there, and that it takes the credentials", redacted(address), err)
	}
	return conn, nil
}

// redacted is an address without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	switch {
	case err == nil:
		return u.Redacted()
	case strings.Contains(address, "@"):
		return "(not a URL)"
	}
	return address
}
