package admin

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/budget"
)

// Options sets up the Admin UI. Either User and PasswordHash must be given, or Secret.
type Options struct {
	// Namespace that the UI joins. Default "/admin".
	Namespace string
	// User and PasswordHash are what the UI must know. The hash is one of bcrypt, as htpasswd -nB
	// prints it.
	User, PasswordHash string
	// Secret admits clients on this machine that know it, in place of a password; NewSecret makes
	// one. The client gives it in the query of the address that it connects to, as
	// /admin?secret=..., or as the password, with any user name.
	//
	// The connection must come over the loopback interface, or a unix socket, and not through a
	// proxy. Over the loopback interface its Host must be localhost, an address of that interface,
	// or one of Hosts, since a page from elsewhere can have its own name point there. The page must
	// be of this machine or of one of Origins.
	Secret  string
	Hosts   []string // such as "build.example.com", without port
	Origins []string // such as "https://admin.socket.io"

	// ReadOnly lets the UI look at sockets but do nothing to them.
	ReadOnly bool
	// Production leaves out what concerns single sockets and events: the UI gets numbers only.
	Production bool
	// ServerID is what the UI calls the server. Default: the name of the machine.
	ServerID string

	// Data returns what the UI shows as the data of a socket, which must be encodable as JSON. It
	// is called when the socket has connected and after events of its client, at moments when no
	// handler of the socket runs: if nobody else changes Socket.Data, it may return that. Default:
	// nothing is shown.
	Data func(*server.Socket) any
	// MaxSockets is the number of sockets that the UI is sent when it connects. Default 10 000.
	MaxSockets int
	// MaxEvents is the number of events, received and sent, that the UI is sent in a second.
	// Default 1 000.
	MaxEvents int
}

// interval is the time between two server_stats, which the UI expects: it shows a server as
// unhealthy that has been silent for five intervals.
const interval = 2 * time.Second

// Instrument lets the Admin UI connect to srv. Call it once, before the server is served. An error
// names the option that is wrong.
func Instrument(srv *server.Server, opts Options) error {
	opts.Namespace = cmp.Or(opts.Namespace, "/admin")
	opts.MaxSockets = cmp.Or(opts.MaxSockets, 10_000)
	opts.MaxEvents = cmp.Or(opts.MaxEvents, 1000)
	if opts.MaxSockets < 0 || opts.MaxEvents < 0 {
		return fmt.Errorf("admin: MaxSockets is %d and MaxEvents %d; neither may be negative", opts.MaxSockets, opts.MaxEvents)
	}
	switch {
	case opts.Secret != "" && (opts.User != "" || opts.PasswordHash != ""):
		return errors.New("admin: Secret stands beside User or PasswordHash; choose one")
	case opts.Secret != "" && len(opts.Secret) < minSecret:
		return fmt.Errorf("admin: Secret has %d bytes, and one of less than %d can be guessed; use NewSecret", len(opts.Secret), minSecret)
	case opts.Secret != "":
	case opts.User == "" || opts.PasswordHash == "":
		return errors.New("admin: User and PasswordHash are needed, or a Secret for clients on this machine")
	default:
		if _, err := bcrypt.Cost([]byte(opts.PasswordHash)); err != nil {
			return fmt.Errorf("admin: PasswordHash is no bcrypt hash (%w); make one with htpasswd -nB %s", err, opts.User)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("admin: the name of this machine: %w", err)
	}
	opts.ServerID = cmp.Or(opts.ServerID, host)
	a := &admin{opts: opts, srv: srv, ns: srv.Of(opts.Namespace), host: host}
	a.ns.Use(a.login)
	a.ns.OnConnect(a.enter)
	a.ns.OnDisconnect(func(*server.Socket, string) { a.leave() })
	if !opts.ReadOnly {
		a.act()
	}
	if !opts.Production {
		a.watch()
	}
	return nil
}

// minSecret is the least length of a secret: attempts to guess it are not counted.
const minSecret = 16

// NewSecret makes a Secret of 130 random bits. It needs no escaping in a URL.
func NewSecret() string { return rand.Text() }

// started is when the process began, nearly.
var started = time.Now()

type admin struct {
	opts      Options
	srv       *server.Server
	ns        *server.Namespace
	host      string
	logins    loginLimiter
	sessions  sessionIDs
	events    sync.Mutex  // guards eventRate
	eventRate budget.Rate // events that may be sent to the UIs

	uis  atomic.Int64 // UIs that are connected; written with mu held
	mu   sync.Mutex
	stop chan struct{} // ends the goroutine of the statistics
	done chan struct{} // it has ended
	data sync.Map      // *server.Socket -> *socketData
}

// enter greets a UI, and starts the statistics for the first one.
func (a *admin) enter(s *server.Socket) {
	_ = s.Emit("config", map[string]any{"supportedFeatures": a.features()})
	a.mu.Lock()
	if a.uis.Add(1) == 1 {
		a.stop, a.done = make(chan struct{}), make(chan struct{})
		go a.sendStats(newCounter(a.srv.Stats()), a.stop, a.done)
	}
	a.mu.Unlock()
	if !a.opts.Production {
		a.sendSockets(s)
	}
	_ = s.Emit("server_stats", a.stats(a.srv.Stats(), nil))
}

// leave ends the statistics after the last UI.
func (a *admin) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.uis.Add(-1) == 0 {
		close(a.stop)
		<-a.done
		a.data.Clear()
	}
}

// watched reports whether a UI is connected.
func (a *admin) watched() bool { return a.uis.Load() > 0 }

func (a *admin) features() []string {
	var all []string
	if !a.opts.ReadOnly {
		all = append(all, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	all = append(all, "AGGREGATED_EVENTS")
	if !a.opts.Production {
		all = append(all, "ALL_EVENTS")
	}
	return all
}
