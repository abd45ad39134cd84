package fleet

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/scenario/result"
)

// A claim is taken only as its controller signed it, for the agent that it was signed for.
func FuzzReadClaim(f *testing.F) {
	identity, err := nkeys.CreateUser()
	if err != nil {
		f.Fatal(err)
	}
	public, err := identity.PublicKey()
	if err != nil {
		f.Fatal(err)
	}
	good, err := (&claim{Run: "r", Agents: make([]result.Agent, 2), Self: 1, Build: Build(), Identity: public, Nonce: "n"}).sign("agent", identity)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := readClaim("agent", good, nil); err != nil {
		f.Fatal(err)
	}
	f.Add("agent", good)
	f.Add("another", good)
	f.Add("agent", bytes.Replace(good, []byte(`"self":1`), []byte(`"self":-1`), 1))
	f.Add("agent", []byte(`{"claim":{},"signature":"AAAA"}`))
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		c, err := readClaim(id, text, []string{public})
		if err != nil {
			return
		}
		var s, of signed
		if json.Unmarshal(good, &of) != nil || json.Unmarshal(text, &s) != nil || id != "agent" || !bytes.Equal(s.Claim, of.Claim) {
			t.Errorf("agent %q takes the claim %+v, which nobody signed", id, c)
		}
	})
}

// A member that is itself faulty ends nothing but the run: beats are read to where they make sense.
func FuzzBeat(f *testing.F) {
	f.Add(uint8(0), []byte{1, 0, 0, 0})
	f.Add(uint8(1), []byte{0, 1, 1, 200, 1, 2, byte(down), 3, 1})
	f.Add(uint8(3), []byte{0, 1, 0, 5, 0, byte(mesh), 0, 1, byte(up), 0, 2})
	f.Add(uint8(3), bytes.Repeat([]byte{255}, 30))
	f.Fuzz(func(t *testing.T, from uint8, b []byte) {
		for self := range 4 { // three agents and the controller
			sender := int(from % 4)
			if sender == self {
				continue
			}
			o := newOutgoing(stream{kind: mesh, from: self, to: sender}, sender)
			if err := o.add([]byte("sealed"), o.moved); err != nil {
				t.Fatal(err)
			}
			m := &member{
				self: self, of: 3, out: map[stream]*outgoing{o.stream: o}, arrived: make(chan struct{}, 1),
				heard: map[int]time.Time{}, latest: map[int]uint64{}, clocks: map[int]agentClock{}, gone: map[int]error{},
			}
			m.takeBeat(sender, 1, b)
			m.takeBeat(sender, 1, b) // the same again says nothing new
			if waits, there := o.have[sender]; there && waits > o.next {
				t.Errorf("%d waits for message %d of %d", sender, waits, o.next)
			}
			for who := range m.gone {
				if sender != m.of && who != sender {
					t.Errorf("agent %d ended member %d for member %d", sender, who, self)
				}
			}
		}
	})
}
