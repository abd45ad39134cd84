package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// resumptions is a server over TLS that notes of each connection whether it has resumed a session.
type resumptions struct {
	conf *tls.Config
	cfg  Config

	mu   sync.Mutex
	list []bool
}

func newResumptions(t *testing.T) *resumptions {
	s := &resumptions{}
	certificate := httptest.NewTLSServer(nil) // for its certificate only
	t.Cleanup(certificate.Close)
	s.conf = certificate.TLS
	s.conf.SetSessionTicketKeys([][32]byte{{1}})
	ln, err := tls.Listen("tcp", "127.0.0.1:0", s.conf)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg = Config{URL: "https://" + accept(t, ln, s.serve), TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
	return s
}

func (s *resumptions) serve(p *peer) {
	req, body := p.request()
	if req == nil {
		return
	}
	s.mu.Lock()
	s.list = append(s.list, p.Conn.(*tls.Conn).ConnectionState().DidResume)
	s.mu.Unlock()
	if req.Header.Get("Upgrade") != "" {
		p.switchTo(req)
		p.put(text(open(25000, 20000, "")))
		p.expect("40")
		p.put(text(`40{"sid":"public"}`))
		_, _, _ = p.clientFrame() // the goodbye
		return
	}
	for ; req != nil; req, body = p.request() { // polling: each answer is there at once
		switch {
		case req.Method == http.MethodPost && body == `42["end"]`:
			p.answer(200, "ok")
			return
		case req.Method == http.MethodPost:
			p.answer(200, "ok")
		case req.URL.Query().Get("sid") == "":
			p.answer(200, open(25000, 20000, ""))
		default:
			p.answer(200, `40{"sid":"public"}`)
		}
	}
}

// connect connects once more and leaves, and returns whether each side says that it has resumed.
func (s *resumptions) connect(t *testing.T, cfg Config) (client, server bool) {
	t.Helper()
	c := dial(t, &cfg)
	done := run(t, c, newHeard())
	c.Close()
	ends(t, done, ClientDisconnect)
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Timings.Resumed, s.list[len(s.list)-1]
}

// A client comes back with the session that it had, whatever way its server is verified; another
// client, or one to a server that has other keys, makes a full handshake.
func TestTLSIsResumed(t *testing.T) {
	for name, change := range map[string]func(conf *tls.Config){
		"by name":  func(*tls.Config) {},
		"insecure": func(conf *tls.Config) { conf.InsecureSkipVerify = true },
		"TLS 1.2":  func(conf *tls.Config) { conf.MaxVersion = tls.VersionTLS12 },
		"by a hash": func(conf *tls.Config) {
			conf.InsecureSkipVerify = true
			conf.VerifyConnection = func(tls.ConnectionState) error { return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newResumptions(t)
			s.cfg.TLS = s.cfg.TLS.Clone()
			change(s.cfg.TLS)
			mine, other := s.cfg, s.cfg
			mine.Tickets, other.Tickets = &Tickets{}, &Tickets{}
			for i, step := range []struct {
				cfg  Config
				want bool
			}{{mine, false}, {mine, true}, {mine, true}, {other, false}, {s.cfg, false}, {s.cfg, false}, {mine, true}} {
				if client, server := s.connect(t, step.cfg); client != step.want || server != step.want {
					t.Errorf("connection %d: resumed %t by the client, %t by the server, want %t", i, client, server, step.want)
				}
			}
			s.conf.SetSessionTicketKeys([][32]byte{{2}}) // as of a server that has started anew
			for i, want := range []bool{false, true} {
				if client, server := s.connect(t, mine); client != want || server != want {
					t.Errorf("connection %d to other keys: resumed %t by the client, %t by the server, want %t", i, client, server, want)
				}
			}
		})
	}
}

// What a caller has decided stays: no tickets, or a cache of its own.
func TestTicketsOfTheCaller(t *testing.T) {
	s := newResumptions(t)
	s.cfg.Tickets = &Tickets{}
	s.cfg.TLS = s.cfg.TLS.Clone()
	s.cfg.TLS.SessionTicketsDisabled = true
	for range 2 {
		if client, server := s.connect(t, s.cfg); client || server {
			t.Errorf("resumed %t by the client, %t by the server, without tickets", client, server)
		}
	}
	own := tls.NewLRUClientSessionCache(1)
	s.cfg.TLS.SessionTicketsDisabled, s.cfg.TLS.ClientSessionCache = false, own
	for _, want := range []bool{false, true} {
		if client, _ := s.connect(t, s.cfg); client != want {
			t.Errorf("resumed %t with the caller's cache, want %t", client, want)
		}
	}
	if s.cfg.Tickets.session != nil {
		t.Error("the session is in the Tickets, too")
	}
}

// A certificate that is refused is refused on a resumed connection, too.
func TestResumedIsVerified(t *testing.T) {
	s := newResumptions(t)
	s.cfg.Tickets = &Tickets{}
	refuse := false
	s.cfg.TLS = &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(c tls.ConnectionState) error {
		if refuse && len(c.PeerCertificates) > 0 {
			return x509.CertificateInvalidError{Cert: c.PeerCertificates[0], Reason: x509.Expired}
		}
		return nil
	}}
	s.connect(t, s.cfg)
	refuse = true
	_, err := Dial(t.Context(), &s.cfg)
	if failed, ok := errors.AsType[*DialError](err); !ok || failed.Stage != "tls" || failed.Class != "tls" || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v, want a refusal of the certificate", err)
	}
}

// The connections of one session resume among themselves: the second of polling, for its POSTs.
func TestTLSIsResumedWithinASession(t *testing.T) {
	s := newResumptions(t)
	s.cfg.Transport = Polling
	c := dial(t, &s.cfg)
	if err := c.Send([]byte(`2["end"]`)); err != nil {
		t.Fatal(err)
	}
	c.wg.Wait() // the POST is answered
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := []bool{false, true}; !slices.Equal(s.list, want) {
		t.Errorf("resumed %v, want %v", s.list, want)
	}
}

// A session of another server is neither offered nor forgotten.
func TestTicketsOfServers(t *testing.T) {
	var tickets Tickets
	one, two := &tls.ClientSessionState{}, &tls.ClientSessionState{}
	tickets.Put("one", one)
	tickets.Put("two", nil)
	if got, ok := tickets.Get("one"); !ok || got != one {
		t.Error("the end of another server's session took this one's")
	}
	if got, ok := tickets.Get("two"); ok || got != nil {
		t.Error("offered to another server")
	}
	tickets.Put("two", two)
	tickets.Put("two", nil)
	if got, ok := tickets.Get("two"); ok || got != nil {
		t.Error("a session that is over is offered")
	}
}
