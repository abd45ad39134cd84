package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Form is the form of the messages on a bus.
type Form string

// The forms.
const (
	Classic Form = "classic" // @socket.io/redis-adapter's createAdapter
	Sharded Form = "sharded" // its createShardedAdapter
	Streams Form = "streams" // @socket.io/redis-streams-adapter
	OnNATS  Form = "nats"    // the sharded form, on NATS
)

// Name is the form as it is called in metrics: by the scheme of its addresses.
func (f Form) Name() string {
	switch f {
	case Classic:
		return "redis"
	case OnNATS:
		return "nats"
	}
	return "redis+" + string(f)
}

// Address is where a broker is, and how it is used.
type Address struct {
	Form     Form
	Embedded bool // the NATS server runs in this process
	Log      bool // JetStream of NATS keeps what clients miss
	URL      *url.URL
}

const known = "write redis://HOST:PORT, redis+sharded://HOST:PORT, redis+streams://HOST:PORT, nats://HOST:PORT, nats+jetstream://HOST:PORT, nats+embedded://HOST:PORT or nats+embedded+jetstream://HOST:PORT"

// Parse reads the address of a broker. Its errors do not show passwords.
func Parse(address string) (Address, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return Address{}, errors.New("the address of the broker is not a URL: " + known)
	}
	scheme, form, _ := strings.Cut(u.Scheme, "+")
	whole := u.Scheme
	u.Scheme = scheme
	a := Address{URL: u}
	switch scheme {
	case "nats", "tls":
		a.Form = OnNATS
		rest, embedded := strings.CutPrefix("+"+form, "+embedded")
		if a.Embedded, a.Log = embedded, rest == "+jetstream"; !a.Log && rest != "" && rest != "+" {
			return a, fmt.Errorf("%s:// is no known kind of broker: %s", whole, known)
		}
		return a, nil
	case "redis", "rediss", "unix":
		switch form {
		case "":
			a.Form = Classic
			return a, nil
		case string(Sharded), string(Streams):
			a.Form = Form(form)
			return a, nil
		}
	}
	return a, fmt.Errorf("%s:// is no known kind of broker: %s", whole, known)
}

// Options say how a bus works.
type Options struct {
	MaxQueue int // bytes of the items that wait to be published
	Logger   *slog.Logger
}

// openTime is how long a broker may take to accept a connection, or to take what is written to it.
const openTime = 5 * time.Second

// redisOptions says how to connect to Redis. The user and the password come from the environment,
// if the address has none.
func (a Address) redisOptions() (rueidis.ClientOption, error) {
	o, err := rueidis.ParseURL(a.URL.String())
	if err != nil {
		return o, fmt.Errorf("the address of Redis is not usable: %s", strings.ReplaceAll(err.Error(), a.URL.String(), a.URL.Redacted()))
	}
	if o.Username == "" && o.Password == "" {
		o.Username, o.Password = os.Getenv("REDIS_USERNAME"), os.Getenv("REDIS_PASSWORD")
	}
	o.AlwaysPipelining = true // a connection that ends is noticed at once, not by the next message
	o.DisableRetry = true     // what is tried again is tried by us, without pauses that grow
	o.ClientName = "throng"
	o.Dialer.Timeout = openTime
	o.DisableCache = true // no caching on our side: some services do not know CLIENT TRACKING
	return o, nil
}
