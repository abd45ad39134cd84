package server_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// bare is a websocket client that sends bytes as the test says.
type bare struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

const upgradeRequest = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\n" +
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// dialBare connects, with more behind the request in the same write.
func dialBare(t *testing.T, base, more string) *bare {
	t.Helper()
	b := bareOn(t, connectTo(t, base), upgradeRequest+more)
	b.expect(0x81, "0{")
	return b
}

// bareOn asks for an upgrade on a connection.
func bareOn(t *testing.T, conn net.Conn, request string) *bare {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	b := &bare{t, conn, bufio.NewReader(conn)}
	b.write(request)
	b.deadline()
	resp, err := http.ReadResponse(b.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s", resp.Status)
	}
	return b
}

// joinBare connects and joins the main namespace.
func joinBare(t *testing.T, base string) *bare {
	t.Helper()
	b := dialBare(t, base, masked(0x81, "40"))
	b.expect(0x81, `40{"sid":"`)
	return b
}

func (b *bare) deadline() { _ = b.SetReadDeadline(time.Now().Add(patience)) }

func (b *bare) write(s string) {
	b.t.Helper()
	if _, err := io.WriteString(b, s); err != nil {
		b.t.Fatal(err)
	}
}

// frame reads one frame: its first byte and its payload. Of an end, 0.
func (b *bare) frame() (first byte, payload string) {
	b.t.Helper()
	b.deadline()
	var head [2]byte
	if _, err := io.ReadFull(b.r, head[:]); err != nil {
		return 0, err.Error()
	}
	size := int64(head[1])
	switch head[1] {
	case 126:
		var n uint16
		_ = binary.Read(b.r, binary.BigEndian, &n)
		size = int64(n)
	case 127:
		_ = binary.Read(b.r, binary.BigEndian, &size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(b.r, data); err != nil {
		b.t.Fatal(err)
	}
	return head[0], string(data)
}

func (b *bare) expect(first byte, prefix string) {
	b.t.Helper()
	if got, data := b.frame(); got != first || !strings.HasPrefix(data, prefix) {
		b.t.Fatalf("got %x %q, want %x %q", got, data, first, prefix)
	}
}

// expectCode takes frames until a close frame with a code, 0 for none, and then the end of the
// stream.
func (b *bare) expectCode(code int) {
	b.t.Helper()
	first, data := b.frame()
	want := ""
	if code != 0 {
		want = string(binary.BigEndian.AppendUint16(nil, uint16(code)))
	}
	if first != 0x88 || data != want {
		b.t.Fatalf("got %x %q, want a close frame with %d", first, data, code)
	}
	_ = b.Conn.(interface{ CloseWrite() error }).CloseWrite()
	if first, data := b.frame(); first != 0 || data != io.EOF.Error() {
		b.t.Fatalf("after the close frame came %x %q", first, data)
	}
}

// masked is a frame as a client sends it.
func masked(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// echoing is a server that acknowledges "echo", and sends on what it hears of sockets that have
// left.
func echoing(t *testing.T, serve serving, opts server.Options) (base string, left chan string) {
	t.Helper()
	opts.Times.PingInterval = server.Never
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
	left = make(chan string, 16)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { left <- reason })
	return serve(t, srv), left
}

// allJoin puts each socket into the room "r". A client hears that it has joined the namespace
// before that; wait returns when n of them are in the room.
func allJoin(srv *server.Server) (wait func(n int)) {
	in := make(chan struct{}, 1024)
	srv.OnConnect(func(s *server.Socket) {
		s.Join("r")
		in <- struct{}{}
	})
	return func(n int) {
		for range n {
			<-in
		}
	}
}

// Members that go while messages are under way, some with a reset in the middle of what they are
// sent, some because the server wants it so, and some only from the room: those who stay get
// everything, in order. They are too many for a broadcast to be sent by its caller.
func TestMembersLeaveDuringBroadcasts(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		const stay, n = 20, 400
		inRoom, bases := allJoin(srv), append(allLinks(t, srv), base)
		pad := strings.Repeat("x", 2000)
		read := func(b *bare) { // all that comes, without a gap, to the last one or the end
			for i := 0; ; i++ {
				first, data := b.frame()
				if want := fmt.Sprintf(`42["n",%d,`, i); first == 0x81 && !strings.HasPrefix(data, want) && data != `42["left"]` && data != "41" {
					t.Errorf("got %.40q, want %q", data, want)
				}
				switch {
				case data == `42["left"]`:
					b.expect(0x81, `42["end"]`) // and nothing of the room
					return
				case first != 0x81, data == "41":
					return
				}
			}
		}
		leave := []func(b *bare, s *server.Socket) (reads bool){
			func(b *bare, _ *server.Socket) bool { _ = b.Close(); return false },
			func(b *bare, _ *server.Socket) bool { // with unread bytes
				reset(b.Conn)
				return false
			},
			func(_ *bare, s *server.Socket) bool { s.Disconnect(false); return true },
			func(_ *bare, s *server.Socket) bool { s.Disconnect(true); return true },
			func(_ *bare, s *server.Socket) bool {
				s.Leave("r")
				if err := s.Emit("left"); err != nil { // behind what it got as a member
					t.Error(err)
				}
				return true
			},
		}
		var clients, leaving []*bare
		var sockets []*server.Socket
		for i := range 3 * len(leave) {
			leaving = append(leaving, joinBare(t, bases[i%len(bases)]))
			inRoom(1)
		again:
			for _, s := range srv.Everyone().Sockets() {
				for _, known := range sockets {
					if s == known {
						continue again
					}
				}
				sockets = append(sockets, s)
				break
			}
		}
		for i := range stay {
			clients = append(clients, joinBare(t, bases[i%len(bases)]))
		}
		inRoom(stay)
		var all sync.WaitGroup
		all.Go(func() {
			for i := range n {
				if k := i / (n / len(leaving)); i%(n/len(leaving)) == 5 && k < len(leaving) {
					if b := leaving[k]; leave[k%len(leave)](b, sockets[k]) {
						all.Go(func() { read(b) })
					}
				}
				if err := srv.To("r").Emit("n", i, pad); err != nil {
					t.Error(err)
				}
			}
			if err := srv.Emit("end"); err != nil {
				t.Error(err)
			}
		})
		for _, b := range clients {
			all.Go(func() {
				for i := range n {
					want := fmt.Sprintf(`42["n",%d,`, i)
					if first, data := b.frame(); first != 0x81 || !strings.HasPrefix(data, want) {
						t.Errorf("got %x %.40q, want %q", first, data, want)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

// A server that stops in the middle of broadcasts lets each client have the beginning of them,
// without a gap, and a goodbye.
func TestShutdownDuringBroadcasts(t *testing.T) {
	// On one processor thousands are sent before anybody reads: nobody is to be cut off for that.
	opts := server.Options{Limits: server.Limits{QueuePackets: 1 << 20, QueueBytes: 64 << 20}}
	everyFanout(t, opts, func(t *testing.T, srv *server.Server, base string) {
		var clients []*bare
		bases := append(allLinks(t, srv), base)
		for i := range 20 {
			clients = append(clients, joinBare(t, bases[i%len(bases)]))
		}
		stopped := make(chan error, 1)
		var all sync.WaitGroup
		all.Go(func() {
			for i := range 5000 { // less than may wait for one client
				if i == 200 {
					go func() { stopped <- srv.Shutdown(t.Context()) }()
				}
				if err := srv.Emit("n", i); err != nil {
					t.Error(err)
				}
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
		for _, b := range clients {
			all.Go(func() {
				for i := 0; ; i++ {
					first, data := b.frame()
					switch {
					case first == 0x81 && data == fmt.Sprintf(`42["n",%d]`, i):
						continue
					case first == 0x81 && data == "41" && i >= 200: // of the namespace
						first, data = b.frame()
					}
					if first != 0x88 || i < 200 {
						t.Errorf("after %d messages came %x %q", i, first, data)
					}
					_ = b.Close()
					return
				}
			})
		}
		all.Wait()
	})
}

// One who does not read costs the others nothing, and gets all that was kept for it when it reads
// again. It is more than the systems at both ends take.
func TestAReaderThatStops(t *testing.T) {
	everyFanout(t, server.Options{Limits: server.Limits{QueueBytes: 1 << 30}}, func(t *testing.T, srv *server.Server, base string) {
		const n = 300
		inRoom := allJoin(srv)
		bases := allLinks(t, srv)
		fast := joinBare(t, base) // after all servers, or they would wait for its goodbye
		var slow []*bare          // one over each link
		for _, base := range bases {
			slow = append(slow, joinBare(t, base))
		}
		inRoom(1 + len(slow))
		pad := strings.Repeat("x", 64<<10)
		for i := range n {
			if err := srv.To("r").Emit("n", i, pad); err != nil {
				t.Fatal(err)
			}
			fast.expect(0x81, fmt.Sprintf(`42["n",%d,`, i)) // while slow does not read
		}
		for _, b := range slow {
			for i := range n {
				b.expect(0x81, fmt.Sprintf(`42["n",%d,`, i))
			}
		}
	})
}

// A handler that blocks holds its own client up and nobody else, however many do and however few
// processors there are.
func TestHandlersThatBlock(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const blocked = 50
	release, inside := make(chan struct{}), make(chan struct{}, blocked)
	srv.On("block", func(_ *server.Socket, e *server.Event) error {
		inside <- struct{}{}
		<-release
		return e.Ack()
	})
	srv.On("release", func(_ *server.Socket, e *server.Event) error {
		close(release)
		return e.Ack()
	})
	bases := allLinks(t, srv)
	var clients []*bare
	for i := range blocked {
		b := joinBare(t, bases[i%len(bases)])
		b.write(masked(0x81, `420["block"]`) + masked(0x81, `421["block"]`))
		clients = append(clients, b)
	}
	for range blocked {
		<-inside
	}
	b := joinBare(t, bases[0]) // a new one is served as well
	b.write(masked(0x81, `42["release"]`))
	for _, b := range clients {
		b.expect(0x81, `430[]`)
		b.expect(0x81, `431[]`)
	}
}

// The handler may be mounted in any fasthttp server. When its hijack handler returns, one without
// KeepHijackedConns closes the connection, and reuses what it had for it.
func TestMountedInAForeignServer(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for _, reduce := range []bool{false, true} {
			for _, secure := range []bool{false, true} {
				t.Run(fmt.Sprintf("keep=%v,reduce=%v,tls=%v", keep, reduce, secure), func(t *testing.T) {
					srv, err := server.New(server.Options{})
					if err != nil {
						t.Fatal(err)
					}
					srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
					base := foreign(t, &fasthttp.Server{KeepHijackedConns: keep, ReduceMemoryUsage: reduce}, srv, secure)
					var all sync.WaitGroup
					for range 8 {
						var clients []*bare
						for range 4 {
							clients = append(clients, joinBare(t, base))
						}
						for i, b := range clients {
							all.Go(func() {
								for j := range 20 {
									b.write(masked(0x81, fmt.Sprintf(`42%d["echo","%d of %p"]`, j, i, b)))
									b.expect(0x81, fmt.Sprintf(`43%d["%d of %p"]`, j, i, b))
								}
								_ = b.Close()
							})
						}
					}
					all.Wait()
				})
			}
		}
	}
}

// foreign serves the handler of a server with an HTTP server that is not its own, until the test
// ends.
func foreign(t *testing.T, h *fasthttp.Server, srv *server.Server, secure bool) (base string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base = "http://" + ln.Addr().String()
	if secure {
		base = "https://" + ln.Addr().String()
		ln = server.NewTLSListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	}
	h.Handler = srv.Handler
	done := make(chan error, 1)
	go func() { done <- h.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Shutdown(t.Context()) // the test may have done it
		_ = h.Shutdown()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return base
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// upgradeBare opens a websocket for a polling session.
func upgradeBare(t *testing.T, base, sid string) *bare {
	t.Helper()
	return bareOn(t, connectTo(t, base), strings.Replace(upgradeRequest, "/socket.io/?EIO=4", "/engine.io/?EIO=4&sid="+sid, 1))
}
