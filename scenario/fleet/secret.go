package fleet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// secretSize is the length of a run's secret, in bytes.
const secretSize = 32

// A kind is what a message of a run is, the first byte of its nonce, and a token of its subject.
type kind byte

const (
	down kind = iota + 1
	up
	mesh
	beat
	clockwise // a question or an answer about the time
)

var kindNames = map[kind]string{down: "down", up: "up", mesh: "mesh", beat: "beat", clockwise: "clock"}

// A keyring has a key for each member of a run. Goroutines may share it.
type keyring []cipher.AEAD

// newKeyring derives the keys of a run's members from its secret.
func newKeyring(secret []byte, run string, members int) (keyring, error) {
	if len(secret) != secretSize {
		return nil, fmt.Errorf("the secret of a run has %d bytes, not %d", secretSize, len(secret))
	}
	ring := make(keyring, members)
	for i := range ring {
		key, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("throng run %s member %d", run, i), 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if ring[i], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

// numberSize is how many bytes of a sealed message say its number.
const numberSize = 8

// overhead is by how much a sealed message is longer than a plain one.
const overhead = numberSize + 16

// A stream is whose messages are numbered together.
type stream struct {
	kind kind
	from int
	to   int // of mesh, the receiver; else 0
}

// nonce is different for all messages of a sender.
func (s stream) nonce(n uint64) []byte {
	b := make([]byte, 12)
	b[0] = byte(s.kind)
	b[1], b[2], b[3] = byte(s.to>>16), byte(s.to>>8), byte(s.to)
	binary.BigEndian.PutUint64(b[4:], n)
	return b
}

// seal encrypts the n-th message of a stream. The same number may be used again for the same
// message only.
func (r keyring) seal(s stream, n uint64, plain []byte) []byte {
	out := binary.BigEndian.AppendUint64(make([]byte, 0, overhead+len(plain)), n)
	return r[s.from].Seal(out, s.nonce(n), plain, nil)
}

var errForged = errors.New("not a message of this run")

// open reads a message and its number. The caller owns the text.
func (r keyring) open(s stream, sealed []byte) (n uint64, plain []byte, err error) {
	if s.from < 0 || s.from >= len(r) || len(sealed) < overhead {
		return 0, nil, errForged
	}
	n = binary.BigEndian.Uint64(sealed)
	plain, err = r[s.from].Open(nil, s.nonce(n), sealed[numberSize:], nil)
	if err != nil {
		return 0, nil, errForged
	}
	return n, plain, nil
}
