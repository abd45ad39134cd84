package poll

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

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

// takeSecure is take with TLS of a version on the connection.
func takeSecure(t *testing.T, p *Poller, version uint16, ready func(*owner, []byte) bool) (*owner, *tls.Conn) {
	t.Helper()
	o, s, peer := takeSecureUnclosed(t, p, version, ready)
	if err := s.Close(); err != nil { // the connection must survive it
		t.Fatal(err)
	}
	return o, peer
}

// takeSecureUnclosed is takeSecure before the former owner has closed what it has.
func takeSecureUnclosed(t *testing.T, p *Poller, version uint16, ready func(*owner, []byte) bool) (*owner, *Secure, *tls.Conn) {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	below, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{Conn: below}
	peer := tls.Client(h, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &h.keys}) //nolint:gosec // the certificate is the test's own
	t.Cleanup(func() { _ = below.Close() })
	_ = peer.SetDeadline(time.Now().Add(time.Minute))
	shaken := make(chan error, 1)
	go func() {
		_, err := peer.Write([]byte("first"))
		shaken <- err
	}()
	accepted, err := plain.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := NewSecure(accepted, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: version, MaxVersion: version})
	first := make([]byte, 5)
	if _, err := io.ReadFull(s, first); err != nil || string(first) != "first" {
		t.Fatalf("read %q, %v", first, err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	raw, err := s.Below().(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	o := &owner{ready: ready}
	if err := p.TakeSecure(&o.Conn, s, raw, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o, s, peer
}

// holder is what is below a peer. It can keep what the peer writes, instead of sending it.
type holder struct {
	net.Conn
	holds bool
	kept  []byte
	keys  bytes.Buffer // the peer's log of its keys
}

// record returns a record of TLS 1.3 with a message of a kind, which the peer has not made: number
// n after the handshake.
func (h *holder) record(t *testing.T, suite uint16, n byte, kind byte, message []byte) []byte {
	t.Helper()
	_, rest, found := strings.Cut(h.keys.String(), "CLIENT_TRAFFIC_SECRET_0 ")
	words := strings.Fields(rest)
	if !found || len(words) < 2 {
		t.Fatalf("the log of the keys is %q", h.keys.String())
	}
	secret, err := hex.DecodeString(words[1])
	if err != nil {
		t.Fatal(err)
	}
	expand := func(label string, size int) []byte { // RFC 8446, section 7.1
		label = "tls13 " + label
		b, err := hkdf.Expand(sha256.New, secret, string([]byte{0, byte(size), byte(len(label))})+label+"\x00", size)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var aead cipher.AEAD
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 { // of machines without instructions for AES
		aead, err = chacha20poly1305.New(expand("key", chacha20poly1305.KeySize))
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(expand("key", 16)); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	nonce := expand("iv", 12)
	nonce[11] ^= n
	header := []byte{23, 3, 3, 0, byte(len(message) + 1 + aead.Overhead())}
	return append(header, aead.Seal(nil, nonce, append(bytes.Clone(message), kind), header)...)
}

func (h *holder) Write(b []byte) (int, error) {
	if !h.holds {
		return h.Conn.Write(b)
	}
	h.kept = append(h.kept, b...)
	return len(b), nil
}

// collect is a Ready that sends what it reads, and how it ends.
func collect(got chan []byte, end chan error) func(*owner, []byte) bool {
	return func(c *owner, buf []byte) bool {
		for {
			n, err := c.Read(buf)
			if n > 0 {
				got <- bytes.Clone(buf[:n])
			}
			if err != nil {
				select {
				case end <- err:
				default: // known: the end may have more than one event
				}
				return false
			}
			if n < len(buf) && !c.HungUp() {
				return false
			}
		}
	}
}

func versions(t *testing.T, test func(t *testing.T, version uint16)) {
	t.Helper()
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, v) })
	}
}

func TestSecureReadsWhatComesUntilTheEnd(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		p := newPoller(t)
		got, end := make(chan []byte, 1000), make(chan error, 1)
		o, peer := takeSecure(t, p, version, collect(got, end))
		if err := o.Watch(true); err != nil {
			t.Fatal(err)
		}
		long := make([]byte, 300_000)
		for i := range long {
			long[i] = byte(i / 7)
		}
		var want []byte
		for _, piece := range [][]byte{[]byte("a"), []byte("bc"), long, []byte("d")} {
			want = append(want, piece...)
			if _, err := peer.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := peer.CloseWrite(); err != nil { // an alert, and no end of the stream
			t.Fatal(err)
		}
		var all []byte
		for len(all) < len(want) {
			all = append(all, within(t, "reading", got)...)
			if t.Failed() {
				return
			}
		}
		if !bytes.Equal(all, want) {
			t.Error("something else has come")
		}
		if err := within(t, "the end", end); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v", err)
		}
		// The other direction is open still.
		if n, err := o.TryWrite([]byte("bye")); n != 3 || err != nil {
			t.Fatalf("TryWrite: %d, %v", n, err)
		}
		o.Close()
		if rest, err := io.ReadAll(peer); string(rest) != "bye" || err != nil { // with an alert at its end
			t.Errorf("the peer got %q, %v", rest, err)
		}
	})
}

// halves is a connection that passes its writes on in pieces of one byte.
type halves struct{ net.Conn }

func (h halves) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := h.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		if i%5 == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	return len(b), nil
}

// Records in pieces make no difference, in the handshake and behind it.
func TestSecureRecordsInPieces(t *testing.T) {
	p := newPoller(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	below, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	accepted, err := plain.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := NewSecure(accepted, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	peer := tls.Client(halves{below}, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is the test's own
	shaken := make(chan error, 1)
	go func() { shaken <- peer.Handshake() }()
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	got, end := make(chan []byte, 1000), make(chan error, 1)
	o := &owner{ready: collect(got, end)}
	raw, err := accepted.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.TakeSecure(&o.Conn, s, raw, o); err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	_ = s.Close()
	if err := o.Watch(true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two", "three"} {
		if _, err := peer.Write([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if b := within(t, "reading", got); string(b) != want {
			t.Errorf("got %q, want %q", b, want)
		}
	}
	_ = below.Close() // without an alert
	if err := within(t, "the end", end); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

// What the kernel takes in part goes out whole, whatever pieces the caller writes.
func TestSecureWritesWaitForRoom(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		p := newPoller(t)
		o, peer := takeSecure(t, p, version, idle)
		if err := o.Watch(true); err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 8<<20)
		_, _ = rand.Read(want)
		written := make(chan error, 1)
		go func() {
			for rest, size := want, 1; len(rest) > 0; size = size*3%200_003 + 1 {
				piece := rest[:min(size, len(rest))]
				n, err := o.TryWrite(piece)
				if err == nil && n < len(piece) { // at once, while it is full
					var more int
					more, err = o.TryWrite(piece[n:])
					n += more
				}
				if err == nil && n < len(piece) {
					err = o.WriteAll(piece[n:])
				}
				if err != nil {
					written <- err
					return
				}
				rest = rest[len(piece):]
			}
			written <- nil
		}()
		time.Sleep(50 * time.Millisecond) // until it is full, as a rule
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil {
			t.Fatal(err)
		}
		if err := within(t, "writing", written); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, want) {
			t.Error("something else has come")
		}
		if o.secure.under.from != nil {
			t.Error("an idle connection keeps a buffer")
		}
	})
}

func TestSecureWriteAllEnds(t *testing.T) {
	for name, end := range map[string]func(o *owner, peer *tls.Conn){
		"by Cut":   func(o *owner, _ *tls.Conn) { o.Cut() },
		"by Close": func(o *owner, _ *tls.Conn) { o.Close() },
		"by the peer": func(_ *owner, peer *tls.Conn) {
			_ = peer.NetConn().(*holder).Conn.(*net.TCPConn).SetLinger(0)
			_ = peer.NetConn().Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, peer := takeSecure(t, newPoller(t), tls.VersionTLS13, idle)
			if err := o.Watch(true); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- o.WriteAll(make([]byte, 64<<20)) }()
			time.Sleep(10 * time.Millisecond)
			end(o, peer)
			if err := within(t, "the end of the write", ended); err == nil {
				t.Error("it was written to nobody")
			}
		})
	}
}

// A record that makes no sense ends the connection, also where it came together with one that does,
// and the peer is told why.
func TestSecureForgery(t *testing.T) {
	for _, before := range []string{"", "message"} {
		versions(t, func(t *testing.T, version uint16) {
			got, end := make(chan []byte, 10), make(chan error, 1)
			o, peer := takeSecure(t, newPoller(t), version, collect(got, end))
			if err := o.Watch(true); err != nil {
				t.Fatal(err)
			}
			below := peer.NetConn().(*holder)
			below.holds = true
			if before != "" {
				if _, err := peer.Write([]byte(before)); err != nil {
					t.Fatal(err)
				}
			}
			forged := append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...)
			if _, err := below.Conn.Write(append(below.kept, forged...)); err != nil {
				t.Fatal(err)
			}
			if err := within(t, "the end", end); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("a forged record is taken for %v", err)
			}
			if len(got) != min(len(before), 1) {
				t.Errorf("%d messages before the end of %q", len(got), before)
			}
			var alert *net.OpError
			if _, err := peer.Read(make([]byte, 1)); !errors.As(err, &alert) {
				t.Errorf("the peer reads %v", err)
			}
		})
	}
}

// A message that has no place behind the handshake ends the connection for good, also if it comes
// together with data: crypto/tls refuses it once, and would then go on.
func TestSecureRefusalStays(t *testing.T) {
	o, peer := takeSecure(t, newPoller(t), tls.VersionTLS13, idle)
	below := peer.NetConn().(*holder)
	below.holds = true
	if _, err := peer.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	finished := append([]byte{20, 0, 0, 32}, make([]byte, 32)...)
	if _, err := below.Conn.Write(append(below.kept, below.record(t, peer.ConnectionState().CipherSuite, 2, 22, finished)...)); err != nil {
		t.Fatal(err)
	}
	buf, got := make([]byte, 100), ""
	for end := time.Now().Add(time.Minute); got == "" && time.Now().Before(end); {
		n, err := o.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = string(buf[:n])
	}
	if got != "data" || !o.HungUp() {
		t.Errorf("read %q; the end is near: %v", got, o.HungUp())
	}
	for range 2 {
		if n, err := o.Read(buf); n > 0 || err == nil {
			t.Errorf("behind the message %d bytes are read, %v", n, err)
		}
	}
}

// A connection that is given back goes on where it was, with what it holds.
func TestSecureGive(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		got := make(chan string, 1)
		begun := false // Ready may be called for one event twice
		o, peer := takeSecure(t, newPoller(t), version, func(c *owner, buf []byte) bool {
			if begun {
				return false
			}
			if n, _ := c.Read(buf[:3]); n > 0 {
				begun = true
				got <- string(buf[:n])
			}
			return false
		})
		if err := o.Watch(true); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write([]byte("onetwo")); err != nil { // one record
			t.Fatal(err)
		}
		if s := within(t, "reading", got); s != "one" {
			t.Errorf("got %q", s)
		}
		nc, err := o.Give()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 3)
		if _, err := io.ReadFull(nc, b); err != nil || string(b) != "two" {
			t.Errorf("read %q, %v", b, err)
		}
		if _, err := nc.Write([]byte("back")); err != nil {
			t.Fatal(err)
		}
		b = make([]byte, 4)
		if _, err := io.ReadFull(peer, b); err != nil || string(b) != "back" {
			t.Errorf("the peer got %q, %v", b, err)
		}
		if _, ok := nc.(interface{ ConnectionState() tls.ConnectionState }); !ok {
			t.Error("it is not known as one with TLS")
		}
	})
}

// However the stream is cut, the records in it are the same.
func TestRecordsAreFollowedInPieces(t *testing.T) {
	var stream []byte
	sizes := []int{1, 0, 300, 5, 16<<10 + 256, 4}
	for _, size := range sizes {
		stream = append(append(stream, 23, 3, 3, byte(size>>8), byte(size)), make([]byte, size)...)
	}
	for _, size := range []int{1, 2, 3, 4, 5, 6, 7, 500, len(stream)} {
		var r records
		for piece := range slices.Chunk(stream, size) {
			r.pass(piece)
		}
		if r.whole != len(sizes) || !r.between() {
			t.Errorf("pieces of %d: %d records, and between two is %v", size, r.whole, r.between())
		}
		r.pass(stream[:3])
		if r.pass(nil); r.whole != len(sizes) || r.between() {
			t.Errorf("pieces of %d: the beginning of a header is taken for a record", size)
		}
	}
}

// Messages in records that come alone, several at a time, and in parts: whatever has come whole is
// read, without another event.
func TestSecureReadsEveryRecord(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		p := newPoller(t)
		got, end := make(chan []byte, 10_000), make(chan error, 1)
		o, peer := takeSecure(t, p, version, collect(got, end))
		if err := o.Watch(true); err != nil {
			t.Fatal(err)
		}
		below := peer.NetConn().(*holder)
		below.holds = true
		rng := mrand.New(mrand.NewPCG(5, 6))
		for i := range 500 {
			var want, all []byte
			for range 1 + rng.IntN(3) {
				message := bytes.Repeat([]byte{byte(i)}, 1+rng.IntN(200))
				want = append(want, message...)
				if _, err := peer.Write(message); err != nil {
					t.Fatal(err)
				}
			}
			pieces := [][]byte{below.kept}
			if rng.IntN(2) == 0 {
				at := rng.IntN(len(below.kept))
				pieces = [][]byte{below.kept[:at], below.kept[at:]}
			}
			for _, piece := range pieces {
				if _, err := below.Conn.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			below.kept = below.kept[:0]
			for len(all) < len(want) {
				all = append(all, within(t, "reading", got)...)
				if t.Failed() {
					return
				}
			}
			if !bytes.Equal(all, want) {
				t.Fatalf("round %d: %x was read, want %x", i, all, want)
			}
		}
	})
}

// A former owner may close its part when the connection is another's already, and somebody may
// still read who had it before: neither touches the connection.
func TestSecureLateClose(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		o, s, peer := takeSecureUnclosed(t, newPoller(t), version, func(*owner, []byte) bool { return false })
		nc, err := o.Give()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil { // the former owner's
			t.Fatal(err)
		}
		if n, err := o.Read(make([]byte, 10)); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("who has given it away reads %d bytes, %v", n, err)
		}
		if _, err := peer.Write([]byte("there")); err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 5)
		if _, err := io.ReadFull(nc, b); err != nil || string(b) != "there" {
			t.Errorf("read %q, %v", b, err)
		}
		if err := nc.Close(); err != nil {
			t.Error(err)
		}
		if _, err := peer.Read(b); !errors.Is(err, io.EOF) {
			t.Errorf("after the close: %v", err)
		}
	})
}
