package fanout

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// names lists a set.
func names(s Set) (all []string) {
	for i := range s.Len() {
		all = append(all, s.At(i))
	}
	return all
}

// Sets that have grown out of one another hold what each has been given, in order and once.
func TestSetsThatGrowOutOfOneAnother(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	type known struct {
		set  Set
		want []string
	}
	all := []known{{}}
	for range 5000 {
		from := all[dice.IntN(len(all))]
		if dice.IntN(2) == 0 { // often the longest
			from = all[len(all)-1]
		}
		name := fmt.Sprint(dice.IntN(60))
		next := known{from.set.With(name), from.want}
		if !slices.Contains(from.want, name) {
			next.want = append(slices.Clone(from.want), name)
		}
		if len(next.want) < 2*indexedNames || dice.IntN(20) == 0 {
			all = append(all, next)
		}
		if got := names(next.set); !slices.Equal(got, next.want) {
			t.Fatalf("%v with %s is %v, want %v", from.want, name, got, next.want)
		}
	}
	for _, k := range all {
		if got := names(k.set); !slices.Equal(got, k.want) {
			t.Fatalf("a set has become %v, and was %v", got, k.want)
		}
	}
}

// Goroutines that extend one set do not disturb each other.
func TestSetsOfSeveralGoroutines(t *testing.T) {
	var base Set
	for i := range 2 * indexedNames {
		base = base.With(fmt.Sprint(i))
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for range 100 {
				s := base
				for i := range indexedNames {
					s = s.With(fmt.Sprint(g, "-", i))
				}
				if n := s.Len(); n != 3*indexedNames || s.At(n-1) != fmt.Sprint(g, "-", indexedNames-1) {
					t.Errorf("a set holds %v", names(s))
					return
				}
			}
		})
	}
	all.Wait()
	if n := base.Len(); n != 2*indexedNames {
		t.Errorf("the first set has %d names", n)
	}
}

// A name costs the same however many a set has.
func TestCostOfLargeSets(t *testing.T) {
	list := make([]string, 1<<14)
	for i := range list {
		list[i] = fmt.Sprint("room ", i)
	}
	bytes := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s Set
		for _, name := range list[:n] {
			s = s.With(name)
		}
		runtime.ReadMemStats(&after)
		if s.Len() != n {
			t.Fatalf("%d names of %d", s.Len(), n)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if half, whole := bytes(len(list)/2), bytes(len(list)); whole > 3*half {
		t.Errorf("%d names take %d bytes, and half of them %d", len(list), whole, half)
	}
}

// BenchmarkSet makes a set of so many names. The time of each must not grow with their number.
func BenchmarkSet(b *testing.B) {
	for _, n := range []int{3, 30, 300, 3000} {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("room ", i)
		}
		b.Run(fmt.Sprintf("names=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var s Set
				for _, name := range list {
					s = s.With(name)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/name")
		})
	}
}
