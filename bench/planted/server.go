package planted

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
)

// Options say how a server behaves. The zero value is a good server without recovery.
type Options struct {
	Faults   []Fault
	Parser   socketio.Parser // default JSON
	Recovery bool            // connection state recovery, which JSON alone has
	Path     string          // default "/socket.io/"
	// from one heartbeat to the next; default 25 s. A missing pong is not punished.
	Ping time.Duration
	// Spare is how many connections at the beginning are served well and counted nowhere: with them
	// a tool finds out what the server offers.
	Spare int
}

// maxPayload bounds a request's body and a websocket message, in bytes.
const maxPayload = 1_000_000

// A Server listens on a port of the loopback address.
type Server struct {
	URL string // http://127.0.0.1:port

	opt  Options
	http *http.Server
	done chan struct{}
	life sync.WaitGroup // of requests and websockets

	mu       sync.Mutex
	closed   bool
	spared   int
	sessions map[string]*session
	order    []*socket // connected, in the order in which they came
	away     map[string]*memory
	history  []event // with recovery: all messages
	stalled  time.Time
	last     int // number of the last id
	log      Log
	plants   []*Plant
}

// Start returns a server that listens. The caller closes it.
func Start(opt Options) (*Server, error) {
	opt.Path = cmp.Or(opt.Path, "/socket.io/")
	opt.Ping = cmp.Or(opt.Ping, 25*time.Second)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("planted: %w", err)
	}
	s := &Server{URL: "http://" + ln.Addr().String(), opt: opt, sessions: map[string]*session{}, away: map[string]*memory{}, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc(opt.Path, s.serve)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(ln) // until Close
	}()
	return s, nil
}

// Close breaks all connections and waits for what serves them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, sess := range s.sessions {
		sess.end(true)
	}
	s.mu.Unlock()
	_ = s.http.Close()
	<-s.done
	s.life.Wait()
}

// id returns a new id. The lock is held.
func (s *Server) id(kind string) string {
	s.last++
	return kind + strconv.Itoa(s.last)
}

// serve answers one request. A websocket lasts as long as its request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.life.Add(1)
	s.mu.Unlock()
	defer s.life.Done()
	q := r.URL.Query()
	transport, sid := q.Get("transport"), q.Get("sid")
	switch {
	case q.Get("EIO") != "4":
		refuse(w, engineio.UnsupportedProtocol)
		return
	case transport != "polling" && transport != "websocket":
		refuse(w, engineio.UnknownTransport)
		return
	}
	if sid == "" {
		sess, ok := s.open()
		switch {
		case !ok:
			http.Error(w, "planted", http.StatusServiceUnavailable)
		case transport == "websocket":
			s.websocket(w, r, sess, false)
		default:
			body := engineio.AppendPayload(nil, sess.handshake("websocket"))
			s.mu.Lock()
			if s.fault(Forgotten, sess.number) != nil {
				s.plant(Forgotten, sess.number, sess.number)
				sess.end(false)
			}
			s.mu.Unlock()
			_, _ = w.Write(body)
		}
		return
	}
	s.mu.Lock()
	sess := s.sessions[sid]
	s.mu.Unlock()
	switch {
	case sess == nil:
		refuse(w, engineio.UnknownSID)
	case transport == "websocket":
		s.websocket(w, r, sess, true)
	case r.Method == http.MethodPost:
		sess.post(w, r)
	default:
		sess.poll(w, r)
	}
}

func refuse(w http.ResponseWriter, code engineio.ErrorCode) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code.Status())
	_, _ = w.Write(code.AppendJSON(nil, ""))
}

// open begins a session; ok is false where a fault refuses it.
func (s *Server) open() (sess *session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	n := 0 // nothing hits it
	if s.spared < s.opt.Spare {
		s.spared++
	} else {
		s.log.Connections++
		n = s.log.Connections
	}
	if s.fault(Refused, n) != nil {
		s.plant(Refused, n, n)
		return nil, false
	}
	sess = &session{
		s: s, sid: s.id("s"), number: n, sockets: map[string]*socket{}, swaps: map[int]item{},
		decoder: socketio.Decoder{Parser: s.opt.Parser}, wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	sess.later = []item{{at: time.Now().Add(s.opt.Ping), ping: true}}
	s.sessions[sess.sid] = sess
	return sess, true
}
