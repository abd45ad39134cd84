package scenario

import (
	"slices"
	"strconv"
	"sync"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// A keying gives clients a key: those with the same key are one audience. The clients of a group
// all have the same one, and where messages are for one peer, each client has its own. Goroutines
// may share it.
type keying struct {
	t   *trial
	to  file.Audience
	key *pattern // of file.ToKey

	mu        sync.Mutex
	audiences map[string]*ledger.Audience
	keys      map[*ledger.Audience]string // the other way round; in a fleet only
}

// newKeyings returns the keyings that streams need, and sets the keying of each. All groups are
// known.
func newKeyings(t *trial) (out []*keying) {
	for _, g := range t.groups {
		for i := range g.spec.Send {
			to := g.spec.Send[i].To
			if keyed(&to) && keyingOf(out, &to) < 0 {
				k := &keying{t: t, to: to, audiences: map[string]*ledger.Audience{}}
				if t.share != nil {
					k.keys = map[*ledger.Audience]string{}
				}
				if to.Kind == file.ToKey {
					k.key = t.compile(t.spec.Keyed(to.Name).Key, nil)
				}
				out = append(out, k)
			}
		}
	}
	return out
}

// keyed reports whether an audience is of clients with a key.
func keyed(to *file.Audience) bool {
	return to.Kind == file.ToKey || to.Kind == file.ToPeer || to.Kind == file.ToGroup
}

// keyingOf is the place of the keying of an audience in a list, -1 when it is not in it.
func keyingOf(list []*keying, to *file.Audience) int {
	return slices.IndexFunc(list, func(k *keying) bool {
		return k.to.Kind == to.Kind && k.to.Name == to.Name && k.to.Namespace == to.Namespace
	})
}

// has reports whether clients of a group have a key.
func (k *keying) has(g *group) bool {
	switch {
	case !slices.Contains(g.names, k.to.Namespace):
		return false
	case k.to.Kind == file.ToGroup:
		return g.spec.Name == k.to.Name
	}
	return k.to.Kind != file.ToKey || slices.Contains(k.to.Groups, g.spec.Name)
}

// of returns the audience of a client; nil: it has no key.
func (k *keying) of(a *actor) *ledger.Audience {
	if !k.has(a.group) {
		return nil
	}
	key := ""
	switch k.to.Kind {
	case file.ToPeer:
		key = strconv.Itoa(int(a.id))
	case file.ToKey:
		key = string(k.key.append(nil, a.filling()))
	}
	return k.audience(key)
}

// keyOf is the key of an audience; known is false when it is none of the keying.
func (k *keying) keyOf(a *ledger.Audience) (key string, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known = k.keys[a]
	return key, known
}

// audience returns the audience of a key.
func (k *keying) audience(key string) *ledger.Audience {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.audiences[key]
	if a == nil {
		a = &ledger.Audience{Room: -1}
		for i, c := range k.t.kinds.classes {
			if k.has(k.t.groups[c.group]) {
				a.Admit(i, c.slow)
			}
		}
		k.audiences[key] = a
		if k.keys != nil {
			k.keys[a] = key
		}
	}
	return a
}

// enroll gives the client its audiences by key. Memberships in audiences of its first namespace,
// which the server may recover, are added to one list, and the others to more.
func (a *actor) enroll(list, more []*ledger.Membership) (_, _ []*ledger.Membership) {
	for _, k := range a.t.keyings {
		to := k.of(a)
		a.keyed = append(a.keyed, to)
		if to == nil {
			continue
		}
		m := &ledger.Membership{}
		m.Init(to, -1, a.class)
		if k.to.Namespace == a.group.spec.Namespace {
			list = append(list, m)
		} else {
			more = append(more, m)
		}
	}
	return list, more
}

// joinKeyed makes the client a member of its audiences by key and of its first namespace, except
// where it is already: when it was recovered.
func (a *actor) joinKeyed() {
	for _, m := range a.Memberships() {
		if m.Room < 0 && !m.HasJoined() {
			a.t.ledger.Join(a.Receiver, m)
		}
	}
}

// A pool is the clients among which a stream finds the peers of its senders.
type pool struct {
	groups []*group
	places int
	fixed  bool
}

func (s *stream) newPool() (p pool) {
	if s.spec.Peer == nil {
		return p
	}
	p.fixed = s.spec.Peer.Pick == file.PeerFixed
	for _, g := range s.t.groups {
		if slices.Contains(s.spec.Peers, g.spec.Name) {
			p.groups = append(p.groups, g)
			p.places += len(g.actors)
		}
	}
	return p
}

// at returns the client of a place; nil: it is not there.
func (p *pool) at(place int) *actor {
	for _, g := range p.groups {
		if place < len(g.actors) {
			return g.actors[place].Load()
		}
		place -= len(g.actors)
	}
	return nil
}

// peerDraws is how often a peer is drawn before the places are tried in order. A draw fails where
// clients are not connected.
const peerDraws = 32

// peer picks the client that a message is for; nil: there is none.
func (s *stream) peer(a *actor, o *plan.Op) *actor {
	held := 0
	for _, g := range s.pool.groups {
		held += int(g.held.Load())
	}
	if held == 0 || held == 1 && slices.Contains(s.pool.groups, a.group) {
		return nil // only the sender, which is held or was a moment ago
	}
	n, about := o.N, uint64(s.index)<<32|uint64(a.id)
	if s.pool.fixed {
		n = 0
	}
	r := plan.Draw(s.t.spec.Seed, plan.ForPeer, about, n, 0)
	for range peerDraws {
		if b := s.pool.at(int(r % uint64(s.pool.places))); s.mayMeet(a, b) {
			return b
		}
		r = plan.Mix(r)
	}
	for i := range s.pool.places {
		if b := s.pool.at(int((r + uint64(i)) % uint64(s.pool.places))); s.mayMeet(a, b) {
			return b
		}
	}
	return nil
}

// mayMeet reports whether a client can be the peer of another: it is connected, and neither the
// same one nor, in an audience by key, one with the same key.
func (s *stream) mayMeet(a, b *actor) bool {
	if b == nil || b.group == a.group && b.index == a.index || b.presence() != here {
		return false
	}
	return s.spec.To.Kind != file.ToKey || a.keyed[s.keying] != b.keyed[s.keying]
}

// sidIn is the client's socket id in a namespace, "" where it has none.
func (a *actor) sidIn(namespace string) string {
	if i := slices.Index(a.group.names, namespace); i >= 0 && i < len(a.sids) {
		return a.sids[i]
	}
	return ""
}

// meet fills in what templates say of the peer; nil: there is none.
func (s *stream) meet(b *actor) {
	s.fill.peer = nil
	if b != nil {
		s.peerFill = filling{group: b.group, client: b.number, sid: b.sidIn(s.spec.To.Namespace)}
		s.fill.peer = &s.peerFill
	}
}

// peerTemplate is what a template says of a peer, by the name after "peer.", in a form.
func (t *trial) peerTemplate(name string, form file.Form) file.Template {
	if k := t.spec.Keyed(name); k != nil {
		return k.Key.In(form)
	}
	if name == file.PeerSID {
		name = holeSID
	}
	return file.Template{Parts: []string{"", ""}, Holes: []file.Hole{{Name: name, Form: form}}}
}

// holeSID is the hole for a socket id in what is said of a peer.
const holeSID = "peer's sid"
