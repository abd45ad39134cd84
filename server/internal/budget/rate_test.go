package budget

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	var r Rate
	now := time.Unix(1000, 0)
	take := func() bool { return r.Take(now, 3, time.Second) }
	if !take() || !take() || !take() || take() {
		t.Fatal("a full bucket of 3 has not 3 tokens")
	}
	now = now.Add(time.Second)
	if !take() || take() {
		t.Error("after an interval there is not one token")
	}
	now = now.Add(time.Hour)
	if !take() || !take() || !take() || take() {
		t.Error("after a long time there are not 3 tokens")
	}
	if r.Quiet(now.Add(time.Second), time.Second) || !r.Quiet(now.Add(2*time.Second), time.Second) {
		t.Error("Quiet is not about the last call of Take")
	}
}
