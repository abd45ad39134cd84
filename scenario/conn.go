package scenario

import (
	"context"
	"time"

	"github.com/throng-io/throng/scenario/client"
)

// A conn is one connected client as the runner uses it; *client.Client is one.
type conn interface {
	sender
	closing
	accounting
	Run(h client.Handler) error
	Stall(d time.Duration) // read nothing for a while
}

// An accounting is what is known of it when Run has returned.
type accounting interface {
	Session() client.Session // to come back with
	Bytes() (in, out uint64)
	// since when something given to it may not have reached the server; 0: nothing
	Unsent() time.Duration
	Heard() time.Duration // when the server's heartbeat came last; 0: there is none
}

// A closing is the ways in which it ends.
type closing interface {
	Unread() bool // something has come, or may have, that it has not passed on
	Close() error
	Cut()           // as a broken network does
	Vanish()        // without a word, with its connections left open
	CloseVanished() // close those
}

// A sender is its way out.
type sender interface {
	Send(packet []byte) error
	SendBinary(packet []byte, attachments ...[]byte) error
	Busy() bool // something sent before still waits for the network
}

// A dialed is the result of a dialer.
type dialed struct {
	conn
	timings   client.Timings
	upgrade   error         // why an upgrade that was asked for did not happen
	recovered bool          // it is the socket that it was before
	plainly   bool          // on a websocket whose offer to compress the server did not take
	sids      []string      // socket ids, by namespace
	patience  time.Duration // of the server with a silent client; 0: not known
}

type dialer func(ctx context.Context, cfg *client.Config) (dialed, error)

func dialClient(ctx context.Context, cfg *client.Config) (dialed, error) {
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return dialed{}, err
	}
	return dialed{conn: c, timings: c.Timings, upgrade: c.UpgradeErr, recovered: c.Recovered(), plainly: cfg.Compress && c.Uncompressed(), sids: c.SIDs(), patience: c.Patience()}, nil
}
