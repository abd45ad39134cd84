package scenario

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/client"
)

// A user is the part of a simulated client that outlives its connections: its cookies, its session
// of TLS, and the values that it has captured. Safe for concurrent use.
type user struct {
	jar      client.Jar
	tickets  client.Tickets
	mu       sync.Mutex                        // of changes to captured
	captured atomic.Pointer[[]json.RawMessage] // by the group's names; each list is never changed

	// Of the actor's goroutine.
	ready bool // the requests before the connection are made
	// they were made before the first phase, and are not accounted for; nil: else
	probed     *fetched
	generation int // of the requests that were made for all
}

// values returns what is captured so far, by the group's names; nil for nothing. Do not change it.
func (p *user) values() []json.RawMessage {
	if p == nil {
		return nil
	}
	if list := p.captured.Load(); list != nil {
		return *list
	}
	return nil
}

// capture gives the name at a place among n names a value.
func (p *user) capture(at, n int, v json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.values())
	if list == nil {
		list = make([]json.RawMessage, n)
	}
	list[at] = v
	p.captured.Store(&list)
}

// A commonJar is the cookies of requests that are made once for all clients: it can give them on.
type commonJar struct {
	client.Jar
	mu  sync.Mutex
	set []setCookies
}

type setCookies struct {
	url     *url.URL
	cookies []*http.Cookie
}

// SetCookies keeps cookies, as of a client's own jar.
func (j *commonJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.Jar.SetCookies(u, cookies)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.set = append(j.set, setCookies{u, cookies})
}

// copyTo gives the cookies to a client.
func (j *commonJar) copyTo(to *client.Jar) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.set {
		to.SetCookies(s.url, s.cookies)
	}
}
