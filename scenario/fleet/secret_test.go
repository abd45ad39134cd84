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

// No message shows what lets a process in.
func TestRedacted(t *testing.T) {
	for address, want := range map[string]string{
		"nats://h:4222":               "nats://h:4222",
		"nats://user:secret@h:4222":   "nats://user:xxxxx@h:4222",
		"nats://secret@h:4222":        "nats://xxxxx@h:4222",
		"nats://user:sec/ret@h:4222":  "(an address with a user)",
		"user:secret@h:4222":          "(an address with a user)",
		"h:4222":                      "h:4222",
		"nats://user:sec ret@h:4222":  "(an address with a user)",
		"nats://user:12/secret@h":     "(an address with a user)",
		"nats://user:secret@a,nats:b": "(an address with a user)",
	} {
		if got := redacted(address); got != want {
			t.Errorf("%s is shown as %s, not as %s", address, got, want)
		}
		if !strings.HasPrefix(want, "(") {
			continue
		}
		if _, err := connect(address); err == nil || strings.Contains(err.Error(), "sec") || !strings.Contains(err.Error(), "%40") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
