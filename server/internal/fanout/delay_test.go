package fanout

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Batching joins what waits anyway, and waits for nothing: when all goroutines have done what they
// can, everybody has everything, and no time has passed. The clock is a false one, which would only
// go on for somebody who sleeps.
func TestNothingWaitsForCompany(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := open(t, name, Options{Shards: 2, ShardMembers: smallAudience})
				var all []*recorder
				var last *Handle
				for i := range 3 * smallAudience {
					m, h := join(hub, fmt.Sprint(i), "r")
					all, last = append(all, m), h
				}
				start := time.Now()
				want := []string{"hello"}
				for burst := 1; burst <= 20; burst++ {
					for i := range burst {
						s := fmt.Sprint(burst, ".", i)
						hub.Broadcast(rooms("r"), Message{Frame: text("%s", s)})
						want = append(want, s)
					}
					hub.Emit(last, text("direct"))
					synctest.Wait()
					for i, m := range all[:len(all)-1] {
						compare(t, fmt.Sprint(i), m.texts(t), want)
					}
					if got := len(all[len(all)-1].texts(t)); got != len(want)+burst {
						t.Errorf("who gets direct emits as well has %d messages, want %d", got, len(want)+burst)
					}
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}
