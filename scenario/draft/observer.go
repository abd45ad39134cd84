package draft

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of an observer. What is beyond them is counted and left out.
const (
	maxEvents   = 64      // different events of clients
	maxTexts    = 8       // texts in the arguments of an event that are looked at
	maxWords    = 100_000 // different short texts
	maxWord     = 64      // bytes of a text that may be the name of a room
	maxClients  = 10_000
	maxPending  = 1024 // messages that may still be delivered
	maxSample   = 4096 // bytes of the arguments of an event that is drafted
	pendingFor  = 10 * time.Second
	maxNamed    = 64 // names of keys of auth, query and headers
	defaultRows = 500_000
)

// An Observer takes in the traffic of clients. Goroutines may share it.
type Observer struct {
	mu       sync.Mutex
	limit    int
	began    time.Time
	last     time.Time
	clients  []*Client
	events   []*event
	byName   map[string]*event
	rows     []row
	words    map[string]int32
	wordList []string
	pending  []*message
	texts    map[string][]*message // by text, of the pending ones
	heard    map[uint64]bool       // texts of the server, by their hashes
	seed     maphash.Seed
	answers  map[string]*answer // of clients to events of the server
	cookies  bool               // clients sent some
	requests []string           // HTTP requests beside the sockets, without values
	notes    []string           // see Note

	beyond int // messages that were left out
	errors int // packets that could not be read
}

// A row is one message of the log.
type row struct {
	at     time.Duration
	client int32
	event  int32 // place in events; joined and left say the rest
	size   int32
	sizes  [maxTexts]int32
	words  [maxTexts]int32 // place in wordList, -1 for none
}

// presence is the event of rows that say that a client is there.
const presence = -1

// New returns an observer of at most so many messages; 0 means 500 000.
func New(limit int) *Observer {
	return &Observer{
		limit: cmp.Or(limit, defaultRows), byName: map[string]*event{}, words: map[string]int32{}, texts: map[string][]*message{}, answers: map[string]*answer{},
		heard: map[uint64]bool{}, seed: maphash.MakeSeed(),
	}
}

// Request notes an HTTP request beside the sockets: its method and path, without query. Parts of
// the path that may be an id or a token are replaced.
func (o *Observer) Request(method, path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) >= 20 || reDigit.MatchString(part) && len(part) > 2 || reSecret.MatchString(part) && len(part) > 10 {
			parts[i] = "*"
		}
	}
	line := printable(method + " " + strings.Join(parts, "/"))
	if len(o.requests) < maxNamed && len(line) <= 200 && !slices.Contains(o.requests, line) {
		o.requests = append(o.requests, line)
	}
}

// Note adds a line to what was left out, once.
func (o *Observer) Note(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.notes, line) {
		o.notes = append(o.notes, line)
	}
}

// Counts returns how many clients and messages have been seen.
func (o *Observer) Counts() (clients, messages int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.rows {
		if o.rows[i].event >= 0 {
			messages++
		}
	}
	return len(o.clients), messages
}

// printable is a text without the characters that no scenario may have, and on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r == utf8.RuneError, r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}
