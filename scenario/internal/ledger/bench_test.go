package ledger

import (
	"fmt"
	"testing"
)

// What one delivery costs the account: in one process, and in a fleet, where it is queued and
// replayed.
func BenchmarkDelivery(b *testing.B) {
	for _, receivers := range []int{10, 1000} {
		b.Run(fmt.Sprintf("fleet=false/receivers=%d", receivers), func(b *testing.B) {
			m := newModel(receivers, ExpectAll)
			m.joinAll()
			b.ReportAllocs()
			for n := 0; b.Loop(); n += receivers {
				st := m.send(0, 0, int64(n))
				for i := range receivers {
					m.l.Receive(m.r[i], st, int64(n)+1)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*receivers), "ns/delivery")
		})
		b.Run(fmt.Sprintf("fleet=true/receivers=%d", receivers), func(b *testing.B) {
			p := newPair(2*receivers, 0, 0) // half of them here
			for i := range p.r {
				p.now.Add(1)
				p.join(i)
			}
			p.l[0].Lost(1)
			b.ReportAllocs()
			for n := 0; b.Loop(); n += receivers {
				p.now.Add(1000)
				st := p.send(0)
				p.now.Add(1000)
				for i := range receivers {
					p.get(2*i, st)
				}
				if n%5000 < receivers {
					p.l[0].Announce(nil)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*receivers), "ns/delivery")
		})
	}
}
