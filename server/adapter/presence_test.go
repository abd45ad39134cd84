package adapter

import (
	"errors"
	"testing"
	"time"
)

// A node on NATS is forgotten when nothing has come from it for ten seconds in which something
// could have come.
func TestPresence(t *testing.T) {
	const looks = 5 * time.Second
	for name, x := range map[string]struct {
		still, back, cut, again time.Duration // from when to when this node stands still, or has no connection
		forgotten               time.Duration // at which of its looks
	}{
		"silent":                  {forgotten: 3 * looks},
		"this node stood still":   {still: looks, back: 12 * looks, forgotten: 15 * looks},
		"there was no connection": {cut: looks / 2, again: 12 * looks, forgotten: 14 * looks},
	} {
		begin, now := time.Now(), time.Duration(0)
		p := &presence{seen: map[string]time.Time{"other": begin}, looked: begin, connected: func() error {
			if now >= x.cut && now < x.again {
				return errors.New("no connection")
			}
			return nil
		}}
		for ; now < 100*looks; now += looks {
			if now > x.still && now < x.back {
				continue
			}
			if p.present(begin.Add(now)) == 0 {
				break
			}
		}
		if now != x.forgotten {
			t.Errorf("%s: forgotten after %v, want %v", name, now, x.forgotten)
		}
	}
	p := &presence{looked: time.Now(), connected: func() error { return errors.New("no connection") }}
	if others, err := p.count(t.Context()); others != 0 || err == nil {
		t.Errorf("without a connection there are %d others, %v", others, err)
	}
}
