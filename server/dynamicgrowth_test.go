package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
)

// A namespace costs the same however many its pattern has already, whether it is made for a client
// or by the application, and so does its removal.
func TestCostOfDynamicNamespaces(t *testing.T) {
	const count = 8192
	for name, change := range map[string]func(s *Server, i int){
		"made for clients":        func(s *Server, i int) { s.enter(fmt.Appendf(nil, "/room-%d", i), nil) },
		"made by the application": func(s *Server, i int) { s.Of(fmt.Sprintf("/room-%d", i)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := patternServer(t, count)
			first := allocated(func() { changeRange(s, 0, count/8, change) })
			changeRange(s, count/8, count*7/8, change)
			last := allocated(func() { changeRange(s, count*7/8, count, change) })
			if last > 2*first {
				t.Errorf("%d namespaces beside %d others take %d bytes, the first ones took %d", count/8, count*7/8, last, first)
			}
		})
	}
	t.Run("removed", func(t *testing.T) {
		s := patternServer(t, count)
		all := make([]*Namespace, count)
		for i := range all {
			all[i] = s.enter(fmt.Appendf(nil, "/room-%d", i), nil)
		}
		remove := func(some []*Namespace) uint64 {
			return allocated(func() {
				for _, n := range some {
					n.exit()
				}
			})
		}
		first := remove(all[:count/8])
		remove(all[count/8 : count*7/8])
		last := remove(all[count*7/8:])
		if first > 2*last {
			t.Errorf("to remove %d namespaces beside %d others takes %d bytes, the last ones took %d", count/8, count*7/8, first, last)
		}
		if n := len(s.Namespaces()); n != 1 {
			t.Errorf("%d namespaces are left", n)
		}
	})
}

// BenchmarkDynamicNamespaces makes so many namespaces of one pattern. The time of each must not
// grow with their number.
func BenchmarkDynamicNamespaces(b *testing.B) {
	for _, count := range []int{1000, 4000, 16000} {
		b.Run(fmt.Sprintf("namespaces=%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := patternServer(b, count)
				changeRange(s, 0, count, func(s *Server, i int) { s.enter(fmt.Appendf(nil, "/room-%d", i), nil) })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/namespace")
		})
	}
}

// patternServer has a pattern that all names match, and removes namespaces that are empty.
func patternServer(tb testing.TB, count int) *Server {
	tb.Helper()
	s, err := New(Options{
		Limits: Limits{MaxDynamic: count}, CleanupEmptyNamespaces: true, NoIOUring: true, Fanout: "serial", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.Dynamic(func(string, []byte) bool { return true })
	return s
}

func changeRange(s *Server, from, to int, change func(*Server, int)) {
	for i := from; i < to; i++ {
		change(s, i)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
