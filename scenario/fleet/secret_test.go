package fleet

import (
	"bytes"
	"strings"
	"testing"
)

// Only the sender's own message of the run opens: not one of another run, member or kind, nor a
// changed one.
func TestKeyring(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, secretSize)
	ring, err := newKeyring(secret, "run", 3)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newKeyring(secret, "another", 3)
	if err != nil {
		t.Fatal(err)
	}
	sealed := ring.seal(stream{up, 1, 0}, 42, []byte("hello"))
	if n, plain, err := ring.open(stream{up, 1, 0}, sealed); err != nil || n != 42 || string(plain) != "hello" {
		t.Fatalf("%d %q %v", n, plain, err)
	}
	for name, open := range map[string]func() (uint64, []byte, error){
		"another run":      func() (uint64, []byte, error) { return other.open(stream{up, 1, 0}, sealed) },
		"another member":   func() (uint64, []byte, error) { return ring.open(stream{up, 2, 0}, sealed) },
		"no member":        func() (uint64, []byte, error) { return ring.open(stream{up, 3, 0}, sealed) },
		"another kind":     func() (uint64, []byte, error) { return ring.open(stream{mesh, 1, 0}, sealed) },
		"another receiver": func() (uint64, []byte, error) { return ring.open(stream{up, 1, 2}, sealed) },
		"cut":              func() (uint64, []byte, error) { return ring.open(stream{up, 1, 0}, sealed[:len(sealed)-1]) },
		"empty":            func() (uint64, []byte, error) { return ring.open(stream{up, 1, 0}, nil) },
		"another number": func() (uint64, []byte, error) {
			b := bytes.Clone(sealed)
			b[7]++
			return ring.open(stream{up, 1, 0}, b)
		},
	} {
		if _, _, err := open(); err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
	if _, err := newKeyring(secret[1:], "run", 3); err == nil {
		t.Error("a short secret is taken")
	}
}

// An address that cannot be used is refused with the reason, and without its password.
func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"nats://user:sec/ret@h:4222":       "%40",
		"user:secret@h:4222":               "%40",
		"nats://user:sec ret@h:4222":       "%40",
		"nats://user:12/secret@h":          "%40",
		"nats://user:secret@a,nats:b":      "%40",
		"http://user:secret@h:4222":        "write nats://HOST:4222",
		"nats://h:4222?adr=h:4223":         `"nats://h:4222?adr=h:4223": the address has no parameter "adr"; there are addr`,
		"nats://user:secret@h?name=secret": `"nats://***@h?name=secret": the address has no parameter "name"`,
		"nats://user:secret@127.0.0.1:1":   "cannot connect to NATS at nats://***@127.0.0.1:1:",
	} {
		_, err := connect(address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sec ") || strings.Contains(err.Error(), "sec/") || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
