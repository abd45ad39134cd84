package budget

import (
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	b := New(100)
	if !b.Take(60) || b.Take(41) || !b.Take(40) || b.Take(1) {
		t.Error("takes more, or less, than there is")
	}
	b.Give(100)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				if b.Take(12) {
					b.Give(12)
				}
			}
		})
	}
	all.Wait()
	if b.Used() != 0 {
		t.Errorf("%d is taken", b.Used())
	}
	var none *Budget
	if !none.Take(1 << 40) {
		t.Error("no budget is no limit")
	}
	none.Give(1)
}
