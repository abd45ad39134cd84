package file

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// anyDist draws a distribution that a scenario may have.
func anyDist(t *rapid.T) Dist {
	d := Dist{Kind: rapid.SampledFrom(distNames).Draw(t, "kind"), A: rapid.Float64Range(0.001, 1e4).Draw(t, "a")}
	switch d.Kind {
	case "uniform":
		d.B = d.A + rapid.Float64Range(0.001, 1e4).Draw(t, "b")
	case "normal":
		d.B = d.A * rapid.Float64Range(0, 0.2).Draw(t, "b") // hardly any below 0, which count as 0
	case "lognormal":
		d.B = rapid.Float64Range(0, 1).Draw(t, "b")
	case "pareto":
		d.B = rapid.Float64Range(2.5, 5).Draw(t, "b")
	}
	return d
}

// A draw is finite, never negative, grows with the random number, and has the mean that Mean
// returns.
func TestDrawing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDist(t)
		const n = 20_000
		sum, last := 0.0, 0.0
		for i := range n {
			v := d.At((float64(i) + 0.5) / n)
			if math.IsNaN(v) || v < last || v > maxValue {
				t.Fatalf("%+v: %v after %v", d, v, last)
			}
			last = v
			sum += v
		}
		if mean := d.Mean(); math.Abs(sum/n-mean) > 0.01*mean {
			t.Fatalf("%+v: the mean of what is drawn is %v, Mean says %v", d, sum/n, mean)
		}
		for _, u := range []float64{0, 1 - 1e-16, math.SmallestNonzeroFloat64} {
			if v := d.At(u); math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				t.Fatalf("%+v: At(%v) is %v", d, u, v)
			}
		}
		if b := d.Bytes(rapid.Float64Range(0, 0.999).Draw(t, "u"), maxBuiltIn); b < MinSize || b > maxBuiltIn {
			t.Fatalf("%+v: %d bytes", d, b)
		}
	})
}

func TestMeans(t *testing.T) {
	for _, c := range []struct {
		d    Dist
		u    float64
		at   float64
		mean float64
	}{
		{Dist{Kind: "const", A: 3}, 0.9, 3, 3},
		{Dist{Kind: "uniform", A: 2, B: 4}, 0.25, 2.5, 3},
		{Dist{Kind: "exp", A: 2}, 0.5, 2 * math.Ln2, 2},
		{Dist{Kind: "normal", A: 5, B: 1}, 0.5, 5, 5},
		{Dist{Kind: "normal", A: 5, B: 1}, 0.8413447460685429, 6, 5},
		{Dist{Kind: "normal", A: 1, B: 5}, 0.1, 0, 1},
		{Dist{Kind: "lognormal", A: 80, B: 1}, 0.5, 80, 80 * math.Exp(0.5)},
		{Dist{Kind: "pareto", A: 1, B: 2}, 0.75, 2, 2},
		{Dist{Kind: "pareto", A: 1, B: 1}, 0.5, 2, math.Inf(1)},
		{Dist{Kind: "pareto", A: 1, B: 0.5}, 0.5, 4, math.Inf(1)},
	} {
		if got := c.d.At(c.u); math.Abs(got-c.at) > 1e-9*max(1, c.at) {
			t.Errorf("%+v at %v: %v, want %v", c.d, c.u, got, c.at)
		}
		if got := c.d.Mean(); got != c.mean && math.Abs(got-c.mean) > 1e-9 {
			t.Errorf("%+v: mean %v, want %v", c.d, got, c.mean)
		}
	}
	if !(Dist{}).IsZero() || (Dist{Kind: "const"}).IsZero() {
		t.Error("the zero value is mistaken")
	}
}

// The shares of rooms sum to 1, the largest first, and only those that are said to be even are.
func TestWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rooms{Of: rapid.IntRange(1, 300).Draw(t, "of"), Join: 1}
		switch rapid.IntRange(0, 2).Draw(t, "size") {
		case 1:
			r.Size = Dist{Kind: "zipf", A: rapid.Float64Range(0, maxZipf).Draw(t, "s")}
		case 2:
			r.Size = anyDist(t)
		}
		w := r.Weights()
		sum, last, even := 0.0, math.Inf(1), true
		for _, v := range w {
			if v > last+1e-12 || math.IsNaN(v) || v < 0 {
				t.Fatalf("%+v: %v after %v", r.Size, v, last)
			}
			even = even && math.Abs(v-w[0]) < 1e-12
			sum, last = sum+v, v
		}
		if len(w) != r.Of || math.Abs(sum-1) > 1e-9 {
			t.Fatalf("%d rooms, shares sum to %v", len(w), sum)
		}
		if r.Even() && !even {
			t.Fatalf("%+v with %d rooms is even, and has %v", r.Size, r.Of, w)
		}
		clients := float64(rapid.IntRange(1, 1000).Draw(t, "clients"))
		for _, per := range []string{"client", "room"} {
			if n := r.receivers(clients, per); n < 0 || n > clients+1e-9 {
				t.Fatalf("%v members of %v clients in a room (%s)", n, clients, per)
			}
		}
	})
	r := Rooms{Of: 4, Join: 2}
	if n := r.receivers(100, "client"); n != 50 {
		t.Errorf("%v members, want 50", n)
	}
	r.Size = Dist{Kind: "zipf", A: 1} // 12/25, 6/25, 4/25, 3/25
	if n := r.receivers(25, "room"); math.Abs(n-(24+12+8+6)/4.0) > 1e-9 {
		t.Errorf("%v members per room", n)
	}
	if n := r.receivers(25, "client"); math.Abs(n-(24*12+12*6+8*4+6*3)/25.0) > 1e-9 {
		t.Errorf("%v members of the room that a client sends to", n)
	}
}

func TestJoined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rooms{Of: rapid.IntRange(1, 50).Draw(t, "of"), Join: 1, Joins: anyDist(t)}
		if n := r.Joined(rapid.Float64Range(0, 0.9999).Draw(t, "u")); n < 1 || n > r.Of {
			t.Fatalf("a client joins %d rooms of %d", n, r.Of)
		}
	})
	if n := (&Rooms{Of: 9, Join: 4}).Joined(0.3); n != 4 {
		t.Errorf("a client joins %d rooms, want 4", n)
	}
}
