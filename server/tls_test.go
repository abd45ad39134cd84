package server_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// pemFiles writes a certificate for the loopback addresses, and its key, and returns the files and
// who trusts it.
func pemFiles(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(public)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

// secure serves a server over TLS on an address, and returns its authority.
func secure(t *testing.T, opts server.Options, address string) (host string, trust *tls.Config, srv *server.Server) {
	t.Helper()
	cert, key, pool := pemFiles(t)
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	config, err := server.TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	host = ln.Addr().String()
	serveOn(t, srv, server.NewTLSListener(ln, config))
	return host, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, srv
}

func TestTLS(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			secured := make(chan bool, 1)
			host, trust, srv := secure(t, server.Options{AllowEIO3: true}, address)
			app.Protocol(srv)
			srv.OnConnect(func(s *server.Socket) { secured <- s.Handshake().Secure })

			w := openWith(t, &websocket.Dialer{TLSClientConfig: trust}, "https://"+host, "/socket.io/", "")
			w.send("40")
			w.text()
			w.expect(`42["auth",{}]`)
			if !<-secured {
				t.Error("the handshake is not told to be secure")
			}
			for i := range 200 {
				w.send(fmt.Sprintf(`452-["message",%d,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, i))
				w.sendBinary(strings.Repeat("x", i*100))
				w.sendBinary("")
			}
			for i := range 200 {
				w.expect(fmt.Sprintf(`452-["message-back",%d,{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, i))
				w.expectBinary(strings.Repeat("x", i*100))
				w.expectBinary("")
			}

			transport := &http.Transport{TLSClientConfig: trust}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			get, err := client.Get("https://" + host + "/socket.io/?EIO=3&transport=polling")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(get.Body)
			_ = get.Body.Close()
			if err != nil || !strings.Contains(string(body), ":0{") {
				t.Errorf("polled %s %q, %v", get.Status, body, err)
			}
		})
	}
}

func TestUpgradeOverTLS(t *testing.T) {
	host, trust, _ := secure(t, server.Options{Engine: app.Echo}, "127.0.0.1:0")
	transport := &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}
	get, err := (&http.Client{Transport: transport}).Get("https://" + host + "/engine.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(get.Body)
	_ = get.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	w := openWith(t, &websocket.Dialer{TLSClientConfig: trust}, "https://"+host, "/engine.io/", "&sid="+handshakeOf(t, string(body)).SID)
	w.send("2probe")
	w.expect("3probe")
	w.send("5")
	w.send("4here")
	w.expect("4here")
}

// A client of another library compresses and inflates over TLS; the limit is on what a message
// becomes.
func TestTLSWithCompression(t *testing.T) {
	host, trust, _ := secure(t, server.Options{Engine: app.Echo, PerMessageDeflate: true, Limits: server.Limits{MaxPayload: 100_000}}, "127.0.0.1:0")
	dialer := websocket.Dialer{TLSClientConfig: trust, EnableCompression: true}
	open := func() *wire { return openWith(t, &dialer, "https://"+host, "/engine.io/", "") }
	w := open()
	for _, size := range []int{0, 1, 5000, 99_999} {
		w.send("4" + strings.Repeat("x", size))
		w.expect("4" + strings.Repeat("x", size))
	}
	w.sendBinary(strings.Repeat("y", 100_001))
	if code := w.expectClose(); code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %d", code)
	}
}

// A client that drops its held poll is noticed under TLS, too, which says goodbye before it closes:
// what is sent afterwards must not be lost unnoticed.
func TestDroppedPollOverTLS(t *testing.T) {
	gone := make(chan string, 1)
	host, trust, srv := secure(t, server.Options{}, "127.0.0.1:0")
	srv.OnDisconnect(func(_ *server.Socket, reason string) { gone <- reason })
	request := func(method, query, body string) *tls.Conn {
		conn, err := tls.Dial("tcp", host, trust)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "%s /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, query, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	read := func(conn *tls.Conn) string {
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(b[:n]), "\r\n\r\n")
		return body
	}
	sid := "&sid=" + handshakeOf(t, read(request("GET", "", ""))).SID
	read(request("POST", sid, "40"))
	read(request("GET", sid, ""))
	held := request("GET", sid, "")
	select {
	case reason := <-gone:
		t.Fatalf("ended with %q while the poll is held", reason)
	case <-time.After(50 * time.Millisecond):
	}
	_ = held.Close()
	select {
	case reason := <-gone:
		if reason != "transport error" {
			t.Errorf("ended with %q", reason)
		}
	case <-time.After(patience):
		t.Error("the end was not noticed")
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "throng.sock")
	for range 2 { // the second finds what a killed server leaves
		ln, err := server.Listen("unix:" + path)
		if err != nil {
			t.Fatal(err)
		}
		ln.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = ln.Close()
	}
	srv, err := app.New("protocol", server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, srv, ln)
	if _, err := server.Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server at the path: %v", err)
	}
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return net.Dial("unix", path) }}
	w := openWith(t, &dialer, "http://throng", "/socket.io/", "")
	w.send("40")
	w.text()
	w.expect(`42["auth",{}]`)
	w.send(`42["message",1]`)
	w.expect(`42["message-back",1]`)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"unix:", "unix:" + file, "unix:" + strings.Repeat("x", 200), "unix:/nowhere/at/all", "nowhere"} {
		if ln, err := server.Listen(address); err == nil {
			_ = ln.Close()
			t.Errorf("%s was accepted", address)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("a file that is no socket has become %q, %v", b, err)
	}
}

func TestListenAndServeTLSNamesItsFiles(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cert, key, _ := pemFiles(t)
	for _, files := range [][2]string{{"/none.pem", key}, {cert, "/none.pem"}, {key, cert}} {
		err := srv.ListenAndServeTLS("127.0.0.1:0", files[0], files[1])
		if err == nil || !strings.Contains(err.Error(), files[0]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", files, err)
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A connection that has been the poller's for a held poll is one with TLS afterwards, too.
func TestTLSAfterAHeldPoll(t *testing.T) {
	host, trust, srv := secure(t, server.Options{}, "127.0.0.1:0")
	secured := make(chan bool, 2)
	srv.OnConnect(func(s *server.Socket) { secured <- s.Handshake().Secure })
	conn, err := tls.Dial("tcp", host, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	answer := func() string {
		t.Helper()
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	ask := func(method, sid, body string) {
		t.Helper()
		_, err := fmt.Fprintf(conn, "%s /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, sid, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		ask("GET", "", "")
		_, sid, _ := strings.Cut(answer(), `"sid":"`)
		sid, _, _ = strings.Cut(sid, `"`)
		ask("POST", "&sid="+sid, "40")
		answer()
		ask("GET", "&sid="+sid, "")
		answer()
		if !<-secured {
			t.Error("the handshake is not told to be secure")
		}
		ask("GET", "&sid="+sid, "") // is held
		for srv.Emit("x") == nil {  // until it has the answer, whenever it comes
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := in.Peek(1)
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if err == nil {
				break
			}
		}
		answer()
	}
}

// broken are configurations with a function that panics as long as panics is set.
var broken = map[string]func(c *tls.Config, panics *atomic.Bool){
	"GetCertificate": func(c *tls.Config, panics *atomic.Bool) {
		cert := c.Certificates[0]
		c.Certificates = nil
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			onPurpose(panics)
			return &cert, nil
		}
	},
	"GetConfigForClient": func(c *tls.Config, panics *atomic.Bool) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			onPurpose(panics)
			return nil, nil
		}
	},
	"VerifyConnection": func(c *tls.Config, panics *atomic.Bool) {
		c.VerifyConnection = func(tls.ConnectionState) error {
			onPurpose(panics)
			return nil
		}
	},
	"VerifyConnection of the chosen one": func(c *tls.Config, panics *atomic.Bool) {
		chosen := c.Clone()
		chosen.VerifyConnection = func(tls.ConnectionState) error {
			onPurpose(panics)
			return nil
		}
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
	},
}

func onPurpose(panics *atomic.Bool) {
	if panics.Load() {
		panic("on purpose")
	}
}

// serveChanged serves with a configuration that has been changed, and returns the authority, what
// the configuration is now, and what its clients trust.
func serveChanged(t *testing.T, srv *server.Server, change func(*tls.Config)) (host string, config, trust *tls.Config) {
	t.Helper()
	cert, key, pool := pemFiles(t)
	config, err := server.TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	change(config)
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = ln.Addr().String()
	serveOn(t, srv, server.NewTLSListener(ln, config))
	return host, config, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// A function of the application that panics in a handshake fails that one, and the process goes on.
func TestPanicInAFunctionOfTLS(t *testing.T) {
	for name, breaks := range broken {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			var panics atomic.Bool
			host, _, trust := serveChanged(t, srv, func(c *tls.Config) { breaks(c, &panics) })
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
			for _, bad := range []bool{false, true, false} {
				panics.Store(bad)
				resp, err := client.Get("https://" + host + "/socket.io/?EIO=4&transport=polling")
				if err == nil {
					err = resp.Body.Close()
				}
				if (err != nil) != bad {
					t.Errorf("while it panics (%v), a request ends with %v", bad, err)
				}
			}
			if n := srv.Stats().HandlerPanics; n != 1 {
				t.Errorf("%d panics are counted", n)
			}
		})
	}
}

// The keys of session tickets may change while the configuration is in use, also where a copy of it
// is served because it has functions.
func TestTicketKeysOfAConfigurationInUse(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	host, config, trust := serveChanged(t, srv, func(c *tls.Config) {
		c.VerifyConnection = func(tls.ConnectionState) error { return nil }
		c.SetSessionTicketKeys([][32]byte{{1}})
	})
	trust.MaxVersion, trust.ClientSessionCache = tls.VersionTLS12, tls.NewLRUClientSessionCache(1)
	resumes := func() bool {
		c, err := tls.Dial("tcp", host, trust)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().DidResume
	}
	first, second := resumes(), resumes()
	config.SetSessionTicketKeys([][32]byte{{2}})
	if changed := resumes(); first || !second || changed {
		t.Errorf("sessions are resumed at first %v, then %v, with another key %v; want false, true, false", first, second, changed)
	}
}
