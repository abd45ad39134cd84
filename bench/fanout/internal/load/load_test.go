//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

func TestMain(m *testing.M) {
	// fasthttp looks after its pool of workers every ten seconds, and sees only then that it is stopped; its clock is for ever.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// serve runs a server and returns its address.
func serve(t *testing.T, srv *server.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	return serveOn(t, srv, ln)
}

func serveOn(t *testing.T, srv *server.Server, ln net.Listener) string {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		// The clients are gone by now, or are told to go.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = srv.Shutdown(ctx) // the clients have reset their connections
		if err := <-done; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	return ln.Addr().String()
}

func benchServer(t *testing.T) string {
	t.Helper()
	srv, err := app.New("bench", server.Options{})
	if err != nil {
		t.Fatalf("making the server: %v", err)
	}
	return serve(t, srv)
}

func connected(t *testing.T, cfg Config) *Generator {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(g.Close)
	if err := g.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	return g
}

func TestFloodCountsEveryDelivery(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 20})
	for range 2 {
		r, err := g.Flood(4, 50*time.Millisecond)
		if err != nil {
			t.Fatalf("Flood: %v", err)
		}
		if r.Broadcasts < 4 || r.Deliveries != 20*r.Broadcasts {
			t.Errorf("%d broadcasts brought %d deliveries to 20 clients", r.Broadcasts, r.Deliveries)
		}
		if r.Server <= 0 || r.Wall <= 0 {
			t.Errorf("server %v, wall %v: nothing was measured", r.Server, r.Wall)
		}
	}
	if err := g.ConnectMore(10); err != nil {
		t.Fatalf("ConnectMore: %v", err)
	}
	r, err := g.Senders(4, 50*time.Millisecond)
	if err != nil {
		t.Fatalf("Senders: %v", err)
	}
	if r.Broadcasts < 4 || r.Deliveries != 30*r.Broadcasts {
		t.Errorf("%d broadcasts of several senders brought %d deliveries to 30 clients", r.Broadcasts, r.Deliveries)
	}
	r, err = g.Flood(1, time.Millisecond)
	if err != nil {
		t.Fatalf("Flood after ConnectMore: %v", err)
	}
	if r.Deliveries != 30*r.Broadcasts {
		t.Errorf("%d broadcasts brought %d deliveries to 30 clients", r.Broadcasts, r.Deliveries)
	}
}

func TestClientsWithTLS(t *testing.T) {
	cert, err := server.DevCertificate("127.0.0.1")
	if err != nil {
		t.Fatalf("making a certificate: %v", err)
	}
	for _, polling := range []bool{false, true} {
		srv, err := app.New("bench", server.Options{})
		if err != nil {
			t.Fatalf("making the server: %v", err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("listening: %v", err)
		}
		at := serveOn(t, srv, server.NewTLSListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}}))
		g := connected(t, Config{Servers: []string{at}, Clients: 20, Polling: polling, TLS: true})
		r, err := g.Flood(4, 50*time.Millisecond)
		if err != nil {
			t.Fatalf("Flood, polling %v: %v", polling, err)
		}
		if r.Broadcasts < 4 || r.Deliveries != 20*r.Broadcasts {
			t.Errorf("polling %v: %d broadcasts brought %d deliveries to 20 clients", polling, r.Broadcasts, r.Deliveries)
		}
	}
}

func TestPacedTimesEveryBroadcast(t *testing.T) {
	for _, polling := range []bool{false, true} {
		g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 10, Polling: polling})
		r, err := g.Paced(200, 20)
		if err != nil {
			t.Fatalf("Paced, polling %v: %v", polling, err)
		}
		if r.Broadcasts != 20 || r.Deliveries != 200 || len(r.Last) != 20 || !slices.IsSorted(r.Last) || r.Last[0] <= 0 {
			t.Errorf("polling %v: %+v", polling, r)
		}
	}
}

func TestEchoCountsAcknowledgements(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 10})
	for _, event := range []string{"echo", "typed"} {
		r, err := g.Echo(event, 20*time.Millisecond)
		if err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		if r.Acks < 10 || r.Deliveries != 0 {
			t.Errorf("%s: %d acknowledgements for at least 10 requests, %d deliveries", event, r.Acks, r.Deliveries)
		}
	}
}

func TestCallsAreTimed(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 10})
	r, err := g.Calls(500, 40)
	if err != nil {
		t.Fatalf("Calls: %v", err)
	}
	if r.Acks != 40 || len(r.Last) != 40 || !slices.IsSorted(r.Last) || r.Last[0] <= 0 {
		t.Errorf("%d acknowledgements, times %v", r.Acks, r.Last)
	}
}

func TestPushCountsAndTimes(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 1})
	for range 2 {
		r, err := g.Push(time.Millisecond, 30)
		if err != nil {
			t.Fatalf("Push: %v", err)
		}
		if r.Deliveries != 30 || len(r.Last) != 29 || r.Wall <= 0 {
			t.Errorf("%d messages, %d gaps, in %v", r.Deliveries, len(r.Last), r.Wall)
		}
	}
}

// A client that does not read gets nothing of the kernel's and has no part in what is counted, until it reads again.
func TestStalledClientsAreLeftOut(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 12, Stalled: 2})
	r, err := g.Paced(200, 20)
	if err != nil {
		t.Fatalf("Paced: %v", err)
	}
	if r.Broadcasts != 20 || r.Deliveries != 20*10 {
		t.Errorf("%d broadcasts brought %d deliveries to 10 clients that read", r.Broadcasts, r.Deliveries)
	}
}

func TestRoomsReachTheirMembersOnly(t *testing.T) {
	g := connected(t, Config{Servers: []string{benchServer(t)}, Clients: 40, Rooms: 8})
	r, err := g.Rooms(2)
	if err != nil {
		t.Fatalf("Rooms: %v", err)
	}
	if r.Broadcasts != 16 || r.Deliveries != 80 {
		t.Errorf("%d messages to rooms of 5 brought %d deliveries, want 16 and 80", r.Broadcasts, r.Deliveries)
	}
	for range 2 {
		if r, err = g.RoomFlood(5, 20*time.Millisecond); err != nil {
			t.Fatalf("RoomFlood: %v", err)
		}
		if r.Broadcasts == 0 || r.Broadcasts%8 != 0 || r.Deliveries != 5*r.Broadcasts {
			t.Errorf("%d messages to 8 rooms of 5 brought %d deliveries", r.Broadcasts, r.Deliveries)
		}
	}
	g = connected(t, Config{Servers: []string{benchServer(t)}, Clients: 10, Rooms: 3})
	if _, err := g.Rooms(1); err == nil {
		t.Error("10 clients were dealt to 3 rooms")
	}
}

// Servers that do something else than they should must fail a run, and never make a better figure.
func TestWrongServersFail(t *testing.T) {
	tests := []struct {
		name string
		all  func(s *server.Socket, data []byte)
		want string
	}{
		{"forgets one client", func(s *server.Socket, data []byte) { s.Broadcast().EmitRaw("msg", data, nil) }, "deliveries are missing and 0 are too many, at 1 clients"},
		{"sends to nobody", func(*server.Socket, []byte) {}, "deliveries are missing"},
		{"sends one client more", func(s *server.Socket, data []byte) {
			s.EmitRaw("msg", data, nil)
			s.Namespace().Everyone().EmitRaw("msg", data, nil)
		}, "are too many"},
		{"shortens the message", func(s *server.Socket, data []byte) {
			s.Namespace().Everyone().EmitRaw("msg", []byte("1"), nil)
		}, "unexpected packet"},
		{"hangs up", func(s *server.Socket, _ []byte) { s.Disconnect(true) }, "client 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv, err := server.New(server.Options{})
			if err != nil {
				t.Fatalf("making the server: %v", err)
			}
			srv.On("all", func(s *server.Socket, e *server.Event) error {
				args, _ := e.Raw()
				tt.all(s, args[len(`"msg",`):])
				return nil
			})
			g := connected(t, Config{Servers: []string{serve(t, srv)}, Clients: 5})
			g.cfg.Limit = 100 * time.Millisecond
			_, err = g.Flood(2, 10*time.Millisecond)
			// On a slow machine the limit may be over before all has come that will come.
			for end := time.Now().Add(time.Minute); err != nil && !strings.Contains(err.Error(), tt.want) && time.Now().Before(end); {
				err = g.Audit(g.Sent())
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Flood: %v; want an error with %q", err, tt.want)
			}
		})
	}
}

func TestRefusedConnectionsAreTold(t *testing.T) {
	// A port that is taken, and on which nobody listens.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("making a socket: %v", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatalf("binding: %v", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatalf("the name of the socket: %v", err)
	}
	g, err := New(Config{Servers: []string{fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)}, Clients: 2})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	defer g.Close()
	if err := g.Connect(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Connect: %v; want a refusal", err)
	}
}

// A follower counts for its half of the clients what the other generator has sent.
func TestTwoGenerators(t *testing.T) {
	at := benchServer(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("making a pair of sockets: %v", err)
	}
	t.Cleanup(func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) })
	follower := connected(t, Config{Servers: []string{at}, Clients: 7, Peer: pair[1], Follow: true})
	leader := connected(t, Config{Servers: []string{at}, Clients: 5, Peer: pair[0]})
	type outcome struct {
		r   *Result
		err error
	}
	flooded := make(chan outcome, 1)
	go func() {
		r, err := leader.Flood(3, 30*time.Millisecond)
		flooded <- outcome{r, err}
	}()
	var o outcome
	for done := false; !done; {
		select {
		case o = <-flooded:
			done = true
		default:
			if err := follower.Rest(time.Millisecond); err != nil {
				t.Fatalf("the follower: %v", err)
			}
		}
	}
	if o.err != nil {
		t.Fatalf("Flood: %v", o.err)
	}
	if o.r.Deliveries != 5*o.r.Broadcasts {
		t.Errorf("%d broadcasts brought %d deliveries to the 5 clients of the leader", o.r.Broadcasts, o.r.Deliveries)
	}
	if err := follower.Audit(leader.Sent()); err != nil {
		t.Errorf("the follower: %v", err)
	}
	follower.cfg.Limit = 10 * time.Millisecond
	if err := follower.Audit(leader.Sent() + 1); err == nil {
		t.Error("the follower has got more broadcasts than were sent")
	}
}

// However the kernel cuts the stream, the same messages come out of it.
func TestFramesInPieces(t *testing.T) {
	var stream []byte
	const messages = 5
	for range messages {
		body := "42" + `["msg",` + payload() + "]"
		stream = append(append(stream, 0x81, byte(len(body))), body...)
		stream = append(stream, 0x81, 1, '2') // a ping between them
	}
	for size := 1; size <= len(stream); size += 1 + size/4 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("making a pair of sockets: %v", err)
		}
		g := &Generator{buf: make([]byte, 4096), ledger: ledger{receivers: 1}, mode: quiet{}}
		c := &conn{fd: pair[0], state: ready}
		for piece := range slices.Chunk(stream, size) {
			if _, err := unix.Write(pair[1], piece); err != nil {
				t.Fatalf("writing: %v", err)
			}
			if err := c.read(g); err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
		}
		pongs := make([]byte, 1024)
		n, err := unix.Read(pair[1], pongs)
		if err != nil || n != messages*len(pong) {
			t.Errorf("pieces of %d: %d bytes of pongs (%v), want %d", size, n, err, messages*len(pong))
		}
		if c.got != messages || g.ledger.local != messages || c.rest != nil {
			t.Errorf("pieces of %d: %d messages, %d complete, %d bytes left", size, c.got, g.ledger.local, len(c.rest))
		}
		_, _ = unix.Close(pair[0]), unix.Close(pair[1])
	}
}
