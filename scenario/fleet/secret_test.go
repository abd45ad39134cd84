package fleet

import (
	"bytes"
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
	sealed := ring.seal(up, 1, 42, []byte("hello"))
	if n, plain, err := ring.open(up, 1, sealed); err != nil || n != 42 || string(plain) != "hello" {
		t.Fatalf("%d %q %v", n, plain, err)
	}
	for name, open := range map[string]func() (uint64, []byte, error){
		"another run":    func() (uint64, []byte, error) { return other.open(up, 1, sealed) },
		"another member": func() (uint64, []byte, error) { return ring.open(up, 2, sealed) },
		"no member":      func() (uint64, []byte, error) { return ring.open(up, 3, sealed) },
		"another kind":   func() (uint64, []byte, error) { return ring.open(mesh, 1, sealed) },
		"cut":            func() (uint64, []byte, error) { return ring.open(up, 1, sealed[:len(sealed)-1]) },
		"empty":          func() (uint64, []byte, error) { return ring.open(up, 1, nil) },
		"another number": func() (uint64, []byte, error) {
			b := bytes.Clone(sealed)
			b[7]++
			return ring.open(up, 1, b)
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
