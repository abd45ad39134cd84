package fanout

import (
	"fmt"
	"sync"
	"testing"
)

// Every strategy measures each broadcast once, with all its receivers, whatever way it takes.
func TestMeter(t *testing.T) {
	for _, strategy := range Names() {
		t.Run(strategy, func(t *testing.T) {
			var m Meter
			hub := open(t, strategy, Options{Meter: &m})
			var first *Handle
			for i := range 100 {
				h := hub.Add(fmt.Sprint("m", i), &recorder{}, nil)
				if i == 0 {
					first = h
				}
				if i%2 == 0 {
					hub.Join(h, "even")
				}
				if i%10 == 0 {
					hub.Join(h, "tens")
				}
			}
			hub.Broadcast(Audience{}, Message{Frame: text("unmeasured")})
			m.Start()
			want := uint64(0)
			send := func(to Audience, members uint64) {
				hub.Broadcast(to, Message{Frame: text("x")})
				want += members
			}
			send(Audience{}, 100)
			send(Audience{Skip: first}, 99)
			send(rooms("even"), 50)
			send(rooms("even", "tens"), 50)
			send(Audience{Except: rooms("even").Rooms}, 50)
			send(rooms("tens"), 10)
			send(rooms("m7"), 1)
			send(rooms("nobody"), 0)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 500 {
						hub.Broadcast(rooms("even"), Message{Frame: text("x")})
					}
				})
			}
			all.Wait()
			hub.Close() // delivers what waits
			got := m.Read()
			count := uint64(0)
			for _, n := range got.Receivers {
				count += n
			}
			if count != 8+4000 || got.Members != want+4000*50 || got.Receivers[0] != 1 || got.Total <= 0 {
				t.Errorf("%d broadcasts to %d members, %d to nobody, in %v; want %d to %d", count, got.Members, got.Receivers[0], got.Total, 8+4000, want+4000*50)
			}
		})
	}
}
