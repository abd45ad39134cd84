package budget

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	var r Rate
	now := time.Unix(1000, 0)
	take := func() (tokens int) {
		for r.Take(now, 3, time.Second) {
			tokens++
		}
		return tokens
	}
	if n := take(); n != 3 {
		t.Errorf("a full bucket of 3 has %d tokens", n)
	}
	now = now.Add(time.Second)
	if n := take(); n != 1 {
		t.Errorf("after an interval there are %d tokens", n)
	}
	now = now.Add(time.Hour)
	if n := take(); n != 3 {
		t.Errorf("after a long time there are %d tokens", n)
	}
	if r.Quiet(now.Add(time.Second), time.Second) || !r.Quiet(now.Add(2*time.Second), time.Second) {
		t.Error("Quiet is not about the last call of Take")
	}
}
