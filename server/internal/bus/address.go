package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/throng-io/throng/protocol/address"
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
func Parse(text string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return Address{}, errors.New("the address of the broker is not a URL: " + known + "; in a password write %40 for @, %2F for /, %3F for ? and %23 for #")
	}
	scheme, form, _ := strings.Cut(u.Scheme, "+")
	if scheme == "unix" && u.Host != "" {
		return Address{}, errors.New("the address of the broker is not that of a socket: write unix:///PATH, with three slashes; in a password write %40 for @ and %2F for /")
	}
	if scheme != "unix" && u.User == nil && strings.Contains(text, "@") { // half a password may stand anywhere
		return Address{}, errors.New("the user and the password in the address of the broker cannot be told from the rest: in the password write %40 for @, %2F for /, %3F for ? and %23 for #")
	}
	whole := u.Scheme
	u.Scheme = scheme
	a := Address{URL: u}
	switch scheme {
	case "nats", "tls":
		a.Form = OnNATS
		rest, embedded := strings.CutPrefix("+"+form, "+embedded")
		if a.Embedded, a.Log = embedded, rest == "+jetstream"; a.Log || rest == "" || rest == "+" {
			return a, address.CheckParameters(u, "addr")
		}
	case "redis", "rediss", "unix":
		if a.Form = Form(form); form == "" {
			a.Form = Classic
		}
		if form == "" || a.Form == Sharded || a.Form == Streams {
			return a, address.CheckParameters(u, "addr", "db", "dial_timeout", "master_set", "protocol", "skip_verify", "write_timeout")
		}
	}
	return a, fmt.Errorf("%s:// is no known kind of broker: %s", whole, known)
}

// CheckStreams refuses the name and the number of streams with another form.
func (a Address) CheckStreams(name string, count int) error {
	switch {
	case a.Form == Streams:
	case name != "":
		return fmt.Errorf("only redis+streams:// has Stream, which is %q; leave it out", name)
	case count > 1:
		return fmt.Errorf("only redis+streams:// has Streams, which is %d; leave it out", count)
	}
	return nil
}

// Options say how a bus works.
type Options struct {
	MaxQueue int // bytes of the items that wait to be published
	Logger   *slog.Logger
}

// openTime is how long a broker may take to accept a connection, or to take what is written to it.
const openTime = 5 * time.Second

// redisTLS adds the certificates that the environment names, if the address asks for TLS, and what
// the servers of Sentinel want, which rueidis asks without TLS and without a user otherwise.
func redisTLS(o *rueidis.ClientOption) error {
	o.Sentinel.Username, o.Sentinel.Password = os.Getenv("REDIS_SENTINEL_USERNAME"), os.Getenv("REDIS_SENTINEL_PASSWORD")
	if o.TLSConfig == nil {
		return nil
	}
	if ca := os.Getenv("REDIS_CA"); ca != "" {
		pem, err := readPEM(ca)
		if err != nil {
			return fmt.Errorf("REDIS_CA: %w", err)
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("REDIS_CA: %s holds no PEM certificate; name the file of the certificate authority of Redis", ca)
		}
	}
	switch cert, key := os.Getenv("REDIS_CERT"), os.Getenv("REDIS_KEY"); {
	case cert != "" && key != "":
		own, err := readKeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("REDIS_CERT and REDIS_KEY: %w", err)
		}
		o.TLSConfig.Certificates = []tls.Certificate{own}
	case cert != "" || key != "":
		return errors.New("REDIS_CERT and REDIS_KEY belong together, and one of them is not set; set both or none")
	}
	if o.Sentinel.MasterSet != "" {
		o.TLSConfig.ServerName = "" // each server is another host
		o.Sentinel.TLSConfig = o.TLSConfig
	}
	return nil
}

// maxPEM is the largest file of certificates or of a key that is read, in bytes.
const maxPEM = 16 << 20

// readPEM reads a file that the environment names. Opening a named pipe would wait for its writer,
// and a device may never end.
func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEM {
		return nil, fmt.Errorf("%s is no regular file of at most %d MiB", path, maxPEM>>20)
	}
	return os.ReadFile(path)
}

func readKeyPair(cert, key string) (tls.Certificate, error) {
	certPEM, err := readPEM(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readPEM(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// redisOptions says how to connect to Redis. The user and the password come from the environment,
// if the address has none.
func (a Address) redisOptions() (rueidis.ClientOption, error) {
	o, err := rueidis.ParseURL(a.URL.String())
	if err != nil {
		return o, fmt.Errorf("the address of Redis is not usable: %s", strings.ReplaceAll(err.Error(), a.URL.String(), address.Hide(a.URL.String())))
	}
	if o.Username == "" && o.Password == "" {
		o.Username, o.Password = os.Getenv("REDIS_USERNAME"), os.Getenv("REDIS_PASSWORD")
	}
	if err := redisTLS(&o); err != nil {
		return o, err
	}
	o.AlwaysPipelining = true // a connection that ends is noticed at once, not by the next message
	o.DisableRetry = true     // what is tried again is tried by us, without pauses that grow
	o.ClientName = "throng"
	o.Dialer.Timeout = openTime
	o.DisableCache = true // no caching on our side: some services do not know CLIENT TRACKING
	return o, nil
}
