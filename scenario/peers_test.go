package scenario

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/peer"
)

// A message that some peers get and one does not is an error of its own: else only a missing
// delivery would show it, and of a flow nothing.
func TestAPeerThatDoesNotGetAMessage(t *testing.T) {
	tr, _ := flowing(t, 0, "[{think: 1s}]", nil)
	a := newActor(tr, tr.groups[0], 0, 0)
	fails := map[string]error{"b": client.ErrBackpressure}
	mesh, err := peer.New(peer.Config{Room: "r", Emit: func(event string, args ...any) error {
		if event != "p2p:relay" {
			return nil
		}
		text, err := json.Marshal(args)
		for to, err := range fails {
			if strings.Contains(string(text), `"to":"`+to+`"`) {
				return err
			}
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.peering = &peering{mesh: mesh}
	if err := mesh.Join(); err != nil {
		t.Fatal(err)
	}
	defer mesh.Close()
	// the others, whose ids are less, are to call this one, and do not: the server relays
	mesh.Event(&client.Message{Name: []byte("p2p:peers"), Args: []byte(`{"room":"r","you":"z","peers":["a","b","c"]}`)})
	until(t, "the list of peers", func() bool { return len(mesh.Peers()) == 3 })
	if err := a.toPeers([]byte(`["say"]`), false); err != nil {
		t.Errorf("two of three peers got it: %v", err)
	}
	counts := tr.errors.Counts()
	if len(counts) != 1 || counts[0].N != 1 || counts[0].Class != metric.Error(metric.ErrPeer, metric.HowBackpressure) {
		t.Errorf("errors %+v, want one of the peer that got nothing", counts)
	}
	fails["b"] = client.ErrClosed // the client ends while it sends
	if err := a.toPeers([]byte(`["say"]`), false); err != nil || len(tr.errors.Counts()) != 1 || tr.errors.Counts()[0].N != 1 {
		t.Errorf("its end: %v, %+v", err, tr.errors.Counts())
	}
	fails["a"], fails["b"], fails["c"] = client.ErrBackpressure, client.ErrBackpressure, client.ErrBackpressure
	if err := a.toPeers([]byte(`["say"]`), false); !errors.Is(err, client.ErrBackpressure) || len(tr.errors.Counts()) != 1 || tr.errors.Counts()[0].N != 1 {
		t.Errorf("nobody got it: %v, %+v", err, tr.errors.Counts())
	}
	for err, how := range map[error]string{peer.ErrQueueFull: metric.HowFull, client.ErrBackpressure: metric.HowBackpressure, errors.ErrUnsupported: metric.HowOther} {
		if got := howUnsent(err); got != how {
			t.Errorf("%v is %s, want %s", err, got, how)
		}
	}
}

// A client that the plan sends away while it connects has no room to meet peers in any more.
func TestPeersOfAClientThatIsToldToGo(t *testing.T) {
	tr := newIdleTrial(t, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 2, rooms: {of: 1, join: 1}, peers: {}, send: [{op: peers, rate: 1/s, expect: others}]}}
phases: [{name: hold, for: 10s}]
`)
	a := newActor(tr, tr.groups[0], 0, 0)
	a.leave()
	if err := a.openPeers(); err != nil || a.peering.mesh != nil {
		t.Errorf("%v; it opens channels: %v", err, a.peering.mesh != nil)
	}
	a.closePeers()
}
