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

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
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
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	b := bareOn(t, conn, upgradeRequest+more)
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

// joinOn is joinBare on a connection that there is.
func joinOn(t *testing.T, conn net.Conn) *bare {
	t.Helper()
	b := bareOn(t, conn, upgradeRequest+masked(0x81, "40"))
	b.expect(0x81, "0{")
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

// expectCode takes frames until a close frame with a code, 0 for none, and then
// the end of the stream.
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

// echoing is a server that acknowledges "echo", and sends on what it hears of
// sockets that have left.
func echoing(t *testing.T, opts server.Options) (base string, left chan string) {
	t.Helper()
	opts.PingInterval = server.Never
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
	left = make(chan string, 16)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { left <- reason })
	return serve(t, srv), left
}

// allJoin puts each socket into the room "r". A client hears that it has joined
// the namespace before that; wait returns when n of them are in the room.
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

// The same messages, whichever way they are cut into frames and writes.
func TestFramesOfAClient(t *testing.T) {
	base, _ := echoing(t, server.Options{})
	long := strings.Repeat("x", 70000)
	for name, c := range map[string]struct{ send, want string }{
		"one frame":               {masked(0x81, `421["echo",1]`), `431[1]`},
		"16 bit length":           {masked(0x81, `421["echo","`+long[:300]+`"]`), `431["` + long[:300] + `"]`},
		"64 bit length":           {masked(0x81, `421["echo","`+long+`"]`), `431["` + long + `"]`},
		"fragments":               {masked(0x01, `421["e`) + masked(0x00, `cho",`) + masked(0x00, "") + masked(0x80, `1]`), `431[1]`},
		"a character in two":      {masked(0x01, "421[\"echo\",\"\xc3") + masked(0x80, "\xa9\"]"), "431[\"\xc3\xa9\"]"},
		"empty first fragment":    {masked(0x01, "") + masked(0x80, `421["echo",1]`), `431[1]`},
		"pong between fragments":  {masked(0x01, `421["echo"`) + masked(0x8a, "?") + masked(0x80, `,1]`), `431[1]`},
		"two messages in a write": {masked(0x81, `421["echo",1]`) + masked(0x81, "3"), `431[1]`},
	} {
		t.Run(name, func(t *testing.T) {
			b := joinBare(t, base)
			b.write(c.send)
			b.expect(0x81, c.want)
			step := max(1, len(c.send)/200)
			for i := 0; i < len(c.send); i += step { // byte by byte, if it is short
				b.write(c.send[i:min(i+step, len(c.send))])
			}
			b.expect(0x81, c.want)
		})
	}
}

func TestControlFrames(t *testing.T) {
	base, left := echoing(t, server.Options{})
	b := joinBare(t, base)
	b.write(masked(0x01, `421["echo"`) + masked(0x89, "are you there") + masked(0x80, `,1]`))
	b.expect(0x8a, "are you there") // at once, between the fragments
	b.expect(0x81, `431[1]`)
	b.write(masked(0x89, strings.Repeat("p", 125)))
	b.expect(0x8a, strings.Repeat("p", 125))
	b.write(masked(0x88, "\x0b\xb8because") + "what follows is not read")
	b.expectCode(3000)
	if reason := <-left; reason != "transport close" {
		t.Errorf("reason %q", reason)
	}
}

func TestFramesThatBreakTheProtocol(t *testing.T) {
	base, left := echoing(t, server.Options{MaxPayload: 1000})
	for name, c := range map[string]struct {
		send string
		code int
	}{
		"not masked":                 {"\x81\x013", 1002},
		"reserved bit":               {masked(0xc1, "3"), 1002},
		"unknown opcode":             {masked(0x83, "3"), 1002},
		"fragmented ping":            {masked(0x09, "x"), 1002},
		"long ping":                  {masked(0x89, strings.Repeat("x", 126)), 1002},
		"continuation of nothing":    {masked(0x80, "x"), 1002},
		"beginning in the middle":    {masked(0x01, "4") + masked(0x81, "4"), 1002},
		"close with half a code":     {masked(0x88, "\x03"), 1002},
		"close with a reserved code": {masked(0x88, "\x03\xed"), 1002},
		"message over the limit":     {masked(0x81, strings.Repeat("4", 1001)), 1009},
		"header over the limit":      {masked(0x82, strings.Repeat("4", 1<<20))[:14], 1009},
		"fragments over the limit":   {masked(0x01, strings.Repeat("4", 600)) + masked(0x80, strings.Repeat("4", 401)), 1009},
		"no UTF-8":                   {masked(0x81, "42[\"\xff\"]"), 1007},
		"unknown packet":             {masked(0x81, "x"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := joinBare(t, base)
			b.write(c.send)
			b.expectCode(c.code)
			want := "transport error"
			if c.code == 0 {
				want = "parse error"
			}
			if reason := <-left; reason != want {
				t.Errorf("reason %q, want %q", reason, want)
			}
		})
	}
}

// A client need not wait for the answer to its request: what it has sent behind
// it was read by the HTTP server already.
func TestFramesBehindTheRequest(t *testing.T) {
	base, _ := echoing(t, server.Options{})
	more := masked(0x81, "40") + masked(0x81, `427["echo",1]`) + masked(0x81, `428["echo","`+strings.Repeat("y", 2000)+`"]`)
	b := dialBare(t, base, more+masked(0x81, `429["echo",3]`)[:7])
	b.expect(0x81, `40{"sid":`)
	b.expect(0x81, `437[1]`)
	b.expect(0x81, `438["yyyy`)
	b.write(masked(0x81, `429["echo",3]`)[7:])
	b.expect(0x81, `439[3]`)
}

// A client that does not answer the closing handshake is not waited for.
func TestGoodbyeWithoutAnswer(t *testing.T) {
	base, left := echoing(t, server.Options{})
	b := joinBare(t, base)
	b.write(masked(0x81, "x")) // no packet
	b.expect(0x88, "")
	<-left
	if first, data := b.frame(); first != 0 || data != io.EOF.Error() {
		t.Errorf("the connection is not closed: %x %q", first, data)
	}
}

func TestResetByTheClient(t *testing.T) {
	base, left := echoing(t, server.Options{})
	b := joinBare(t, base)
	_ = b.Conn.(*net.TCPConn).SetLinger(0)
	_ = b.Close()
	if reason := <-left; reason != "transport close" {
		t.Errorf("reason %q", reason)
	}
}

// Members that go while messages are under way, some with a reset in the middle of
// what they are sent, some because the server wants it so, and some only from the
// room: those who stay get everything, in order. They are too many for a broadcast
// to be sent by its caller.
func TestMembersLeaveDuringBroadcasts(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		const stay, n = 20, 400
		inRoom := allJoin(srv)
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
				_ = b.Conn.(*net.TCPConn).SetLinger(0)
				_ = b.Close()
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
		for range 3 * len(leave) {
			leaving = append(leaving, joinBare(t, base))
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
		for range stay {
			clients = append(clients, joinBare(t, base))
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

// A server that stops in the middle of broadcasts lets each client have the
// beginning of them, without a gap, and a goodbye.
func TestShutdownDuringBroadcasts(t *testing.T) {
	// On one processor thousands are sent before anybody reads: nobody is to be cut off for that.
	opts := server.Options{QueuePackets: 1 << 20, QueueBytes: 64 << 20}
	everyFanout(t, opts, func(t *testing.T, srv *server.Server, base string) {
		var clients []*bare
		for range 20 {
			clients = append(clients, joinBare(t, base))
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

// One who does not read costs the others nothing, and gets all that was kept
// for it when it reads again. It is more than the systems at both ends take.
func TestAReaderThatStops(t *testing.T) {
	everyFanout(t, server.Options{QueueBytes: 1 << 30}, func(t *testing.T, srv *server.Server, base string) {
		const n = 300
		inRoom := allJoin(srv)
		slow, fast := joinBare(t, base), joinBare(t, base)
		inRoom(2)
		pad := strings.Repeat("x", 64<<10)
		for i := range n {
			if err := srv.To("r").Emit("n", i, pad); err != nil {
				t.Fatal(err)
			}
			fast.expect(0x81, fmt.Sprintf(`42["n",%d,`, i)) // while slow does not read
		}
		for i := range n {
			slow.expect(0x81, fmt.Sprintf(`42["n",%d,`, i))
		}
	})
}

// A handler that blocks holds its own client up and nobody else, however many do
// and however few processors there are.
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
	base := serve(t, srv)
	var clients []*bare
	for range blocked {
		b := joinBare(t, base)
		b.write(masked(0x81, `420["block"]`) + masked(0x81, `421["block"]`))
		clients = append(clients, b)
	}
	for range blocked {
		<-inside
	}
	b := joinBare(t, base) // a new one is served as well
	b.write(masked(0x81, `42["release"]`))
	for _, b := range clients {
		b.expect(0x81, `430[]`)
		b.expect(0x81, `431[]`)
	}
}

// The handler may be mounted in any fasthttp server. When its hijack handler
// returns, one without KeepHijackedConns closes the connection, and reuses what
// it had for it.
func TestMountedInAForeignServer(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for _, reduce := range []bool{false, true} {
			t.Run(fmt.Sprintf("keep=%v,reduce=%v", keep, reduce), func(t *testing.T) {
				srv, err := server.New(server.Options{})
				if err != nil {
					t.Fatal(err)
				}
				srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				foreign := &fasthttp.Server{Handler: srv.Handler, KeepHijackedConns: keep, ReduceMemoryUsage: reduce}
				done := make(chan error, 1)
				go func() { done <- foreign.Serve(ln) }()
				t.Cleanup(func() {
					_ = srv.Shutdown(t.Context())
					_ = foreign.Shutdown()
					if err := <-done; err != nil {
						t.Error(err)
					}
				})
				base := "http://" + ln.Addr().String()
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

// Over TLS the library reads and writes: the same messages, in the same room, in
// the same order.
func TestTLSAndPlainInOneRoom(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inRoom := allJoin(srv)
	base := serve(t, srv)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is the test's own
	secure := openWith(t, &dialer, serveTLS(t, srv), "/socket.io/", "")
	secure.send("40")
	secure.expectPrefix(`40{"sid":"`)
	plain := joinBare(t, base)
	inRoom(2)
	for i := range 100 {
		if err := srv.To("r").Emit("n", i, []byte{0xff, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		want := fmt.Sprintf(`451-["n",%d,{"_placeholder":true,"num":0}]`, i)
		secure.expect(want)
		secure.expectBinary(string([]byte{0xff, byte(i)}))
		plain.expect(0x81, want)
		plain.expect(0x82, string([]byte{0xff, byte(i)}))
	}
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

// Upgrades of plain and of TLS connections are read by different code.
func TestUpgradesAreCounted(t *testing.T) {
	srv, err := server.New(server.Options{Engine: app.Echo})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	for want := range uint64(3) {
		if n := srv.Stats().Upgrades; n != want {
			t.Fatalf("%d upgrades are counted, want %d", n, want)
		}
		p := poll(t, base, "/engine.io/")
		w := open(t, base, "/engine.io/", "&sid="+p.sid)
		w.send("2probe")
		w.expect("3probe")
		w.send("5")
		w.send("4here")
		w.expect("4here")
	}
}

// An upgrade that breaks the websocket protocol, says something else, or goes
// away leaves the session with polling.
func TestBrokenUpgradeLeavesPolling(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	for name, c := range map[string]struct {
		send string
		code int
	}{
		"unmasked":        {"\x81\x062probe", 1002},
		"no packet":       {masked(0x81, "?"), 0},
		"another packet":  {masked(0x81, "4hello"), 0},
		"no probe":        {masked(0x81, "2"), 0},
		"closed":          {masked(0x88, "\x03\xe8bye"), 1000},
		"closed, no code": {masked(0x88, ""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := poll(t, base, "/engine.io/")
			b := upgradeBare(t, base, p.sid)
			b.write(masked(0x89, "ping"))
			b.expect(0x8a, "ping")
			b.write(c.send)
			b.expectCode(c.code)
			p.post("4still here")
			p.expect("4still here")
		})
	}
	t.Run("reset", func(t *testing.T) {
		p := poll(t, base, "/engine.io/")
		b := upgradeBare(t, base, p.sid)
		b.write(masked(0x81, "2probe"))
		b.expect(0x81, "3probe")
		_ = b.Conn.(*net.TCPConn).SetLinger(0)
		_ = b.Close()
		p.post("4still here")
		for {
			switch got := p.get(); got {
			case "6": // while the probe was under way
			case "4still here":
				return
			default:
				t.Fatalf("got %q", got)
			}
		}
	})
}

// upgradeBare opens a websocket for a polling session.
func upgradeBare(t *testing.T, base, sid string) *bare {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return bareOn(t, conn, strings.Replace(upgradeRequest, "/socket.io/?EIO=4", "/engine.io/?EIO=4&sid="+sid, 1))
}

// A client that says something and is gone at once is noticed at once: its last
// words and its end may come as one.
func TestEndBehindAMessage(t *testing.T) {
	srv, err := server.New(server.Options{PingInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	heard, gone := make(chan struct{}, 1), make(chan string, 1)
	srv.On("bye", func(*server.Socket, *server.Event) error {
		heard <- struct{}{}
		return nil
	})
	srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	base := serve(t, srv)
	for range 20 {
		w := socketIO(t, base)
		w.send(`42["bye"]`)
		_ = w.conn.Close()
		<-heard
		select {
		case reason := <-gone:
			if reason != "transport close" {
				t.Fatalf("reason %q", reason)
			}
		case <-time.After(patience):
			t.Fatal("the end was not noticed")
		}
	}
}
