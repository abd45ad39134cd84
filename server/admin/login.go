package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/budget"
)

var (
	// The UI knows these words and asks for another password.
	errCredentials = errors.New("invalid credentials")
	errTooMany     = errors.New("too many attempts, try again later")
	errElsewhere   = errors.New("without a password, only clients on the server's own machine are let in, and pages of its own or of an allowed origin")
)

// login decides whether a client may join. It may take its time.
func (a *admin) login(s *server.Socket) error {
	if a.opts.Secret != "" && !a.isLocal(s.Handshake()) {
		return errElsewhere
	}
	var auth struct{ SessionID, Username, Password string }
	if s.Auth(&auth) != nil {
		return errCredentials
	}
	if auth.SessionID != "" && a.sessions.has(auth.SessionID) {
		return nil
	}
	if a.opts.Secret != "" {
		if !same(s.Handshake().Query("secret"), a.opts.Secret) && !same(auth.Password, a.opts.Secret) {
			return errCredentials
		}
		return s.Emit("session", a.sessions.add())
	}
	if auth.Username == "" && auth.Password == "" {
		return errCredentials // an old session id is no attempt
	}
	if !a.logins.enter(s.Handshake().Address, time.Now()) {
		return errTooMany
	}
	defer a.logins.exit()
	// Always both, so that the time does not reveal which one was wrong.
	user := same(auth.Username, a.opts.User)
	password := bcrypt.CompareHashAndPassword([]byte(a.opts.PasswordHash), []byte(auth.Password)) == nil
	if !user || !password {
		return errCredentials
	}
	return s.Emit("session", a.sessions.add())
}

// same compares a client's credential with the right one, in a time that reveals nothing.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// isLocal reports whether a request was made on this machine, and not by a page of another site. A
// proxy hides where a client is; a page of any site can open websockets to this machine, and with a
// name of its own that points here it can do all that the server's own pages can.
func (a *admin) isLocal(h *server.Handshake) bool {
	if !overUnixSocket(h.Address) {
		ip := net.ParseIP(h.Address)
		if ip == nil || !ip.IsLoopback() || !hostname.Allowed(h.Header("host"), a.opts.Hosts) {
			return false
		}
	}
	for _, name := range []string{"forwarded", "x-forwarded-for", "x-real-ip", "cf-connecting-ip"} {
		if h.Header(name) != "" {
			return false
		}
	}
	origin := h.Header("origin")
	if origin == "" || slices.Contains(a.opts.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return hostname.Allowed(u.Host, a.opts.Hosts)
}

// overUnixSocket reports whether an address is what the client of a unix socket has: none, as it
// binds its own end to no path.
func overUnixSocket(address string) bool { return address == "" || address == "@" }

// sessionIDs are the ids of earlier logins.
type sessionIDs struct {
	mu  sync.Mutex
	ids map[string]time.Time // when they end
}

const (
	sessionTime = 24 * time.Hour
	maxSessions = 1000
)

// add makes an id. Of too many, the oldest goes.
func (k *sessionIDs) add() string {
	var b [16]byte
	_, _ = rand.Read(b[:])         // never fails: it ends the process instead
	id := hex.EncodeToString(b[:]) // as the official server's
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil {
		k.ids = map[string]time.Time{}
	}
	if len(k.ids) >= maxSessions {
		var oldest string
		for other, end := range k.ids {
			if oldest == "" || end.Before(k.ids[oldest]) {
				oldest = other
			}
		}
		delete(k.ids, oldest)
	}
	k.ids[id] = time.Now().Add(sessionTime)
	return id
}

func (k *sessionIDs) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	end, ok := k.ids[id]
	if ok && time.Now().After(end) {
		delete(k.ids, id)
		return false
	}
	return ok
}

// loginLimiter bounds the attempts to log in, since bcrypt takes much processor time on purpose:
// one password is checked at a time, maxWaiting attempts may wait, and an address has maxAttempts
// at once and then one each perAttempt.
type loginLimiter struct {
	mu    sync.Mutex
	hosts map[string]*budget.Rate
	queue int

	one sync.Mutex
}

const (
	maxWaiting  = 8
	maxAttempts = 10
	perAttempt  = 2 * time.Second
	maxHosts    = 4096
)

// enter waits for the turn of an attempt; exit must follow. It returns false if there are too many.
func (g *loginLimiter) enter(address string, now time.Time) bool {
	g.mu.Lock()
	if g.queue >= maxWaiting || !g.host(address, now).Take(now, maxAttempts, perAttempt) {
		g.mu.Unlock()
		return false
	}
	g.queue++
	g.mu.Unlock()
	g.one.Lock()
	return true
}

func (g *loginLimiter) exit() {
	g.one.Unlock()
	g.mu.Lock()
	g.queue--
	g.mu.Unlock()
}

// host returns the budget of an address. When there are too many addresses, addresses without
// recent attempts are forgotten, or else all.
func (g *loginLimiter) host(address string, now time.Time) *budget.Rate {
	if b := g.hosts[address]; b != nil {
		return b
	}
	if len(g.hosts) >= maxHosts {
		for other, b := range g.hosts {
			if b.Quiet(now, maxAttempts*perAttempt) {
				delete(g.hosts, other)
			}
		}
		if len(g.hosts) >= maxHosts {
			clear(g.hosts)
		}
	}
	if g.hosts == nil {
		g.hosts = map[string]*budget.Rate{}
	}
	b := &budget.Rate{}
	g.hosts[address] = b
	return b
}
