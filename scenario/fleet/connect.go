package fleet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/protocol/natsconn"
	"github.com/throng-io/throng/scenario/result"
)

// connect connects to a NATS server or cluster.
func connect(text string, more ...nats.Option) (*nats.Conn, error) {
	u, err := url.Parse(text)
	switch {
	case (err != nil || u.User == nil) && strings.Contains(text, "@"):
		return nil, errors.New("this is not the address of a NATS server: write nats://USER:PASSWORD@HOST:4222, and in the password %40 for @, %2F for /, %3F for ? and %23 for #; or set NATS_USER and NATS_PASSWORD")
	case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss":
		return nil, fmt.Errorf("%q is not the address of a NATS server; write nats://HOST:4222 or tls://HOST:4222", address.Hide(text))
	}
	if err := address.CheckParameters(u, "addr"); err != nil {
		return nil, fmt.Errorf("%q: %w", address.Hide(text), err)
	}
	own, err := natsconn.Options(u)
	if err != nil {
		return nil, err
	}
	own = append(append(own, natsconn.Lasting(u)...),
		nats.Name("throng fleet"), nats.ReconnectWait(200*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.Timeout(5*time.Second), nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(maxKept),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // what is lost is sent again; see refusals
	conn, err := nats.Connect("", append(own, more...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to NATS at %s: %w; %s", address.Hide(text), err, remedyFor(err))
	}
	if n := conn.MaxPayload(); n < leastPayload {
		conn.Close()
		return nil, fmt.Errorf("the NATS server at %s takes messages of %d bytes at most, and a fleet needs %d; raise its max_payload", address.Hide(text), n, leastPayload)
	}
	return conn, nil
}

// remedyFor says what to do about an error of connecting.
func remedyFor(err error) string {
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return "name the file with the certificate of its authority in NATS_CA"
	}
	if _, is := errors.AsType[x509.HostnameError](err); is {
		return "connect to a name that its certificate has"
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return "give the server another certificate"
	}
	return "check that a NATS server runs there, and that it takes the credentials"
}

// refusals tells log once of each thing that a server refuses, which leaves no other trace: who may
// not subscribe hears nothing. log must be safe for concurrent use.
func refusals(log io.Writer) nats.ErrHandler {
	var told sync.Map
	return func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if !natsconn.Refused(err) {
			return
		}
		kind, _, _ := strings.Cut(err.Error(), ".run.") // every run has a name of its own
		if _, again := told.LoadOrStore(kind, true); again {
			return
		}
		_, _ = fmt.Fprintln(log, result.Short(refusal(err).Error(), result.MaxText))
	}
}

// refusal says what to do about an error that is one; see natsconn.Refused.
func refusal(err error) error {
	remedy := "check the credentials; it is tried again until they are taken"
	if errors.Is(err, nats.ErrPermissionViolation) {
		remedy = "let the user publish and subscribe on throng.> and _INBOX.>"
	}
	return fmt.Errorf("the NATS server refuses this process: %w; %s", err, remedy)
}
