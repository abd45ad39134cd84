package file

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Weights returns what share of the memberships each room has, the largest
// first. They sum to 1.
func (r *Rooms) Weights() []float64 {
	w, sum := make([]float64, r.Of), 0.0
	for i := range w {
		switch r.Size.Kind {
		case "":
			w[i] = 1
		case "zipf":
			w[i] = math.Pow(float64(i+1), -r.Size.A)
		default:
			w[i] = r.Size.At(1 - (float64(i)+0.5)/float64(r.Of))
		}
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// Even reports whether all rooms have one size.
func (r *Rooms) Even() bool {
	return r.Of < 2 || r.Size.IsZero() || r.Size.Kind == "const" || r.Size.Kind == "zipf" && r.Size.A == 0
}

// Joined returns in how many rooms a client is whose evenly distributed random
// number is u.
func (r *Rooms) Joined(u float64) int {
	if r.Joins.IsZero() {
		return r.Join
	}
	return min(max(int(math.Round(r.Joins.At(u))), 1), r.Of)
}

// receivers is how many members a room has, on average over the messages,
// when a number of clients are in their rooms: those that send to one of
// their own meet the large ones more often than those that send to each.
func (r *Rooms) receivers(clients float64, per string) float64 {
	each := clients * float64(r.Join)
	if r.Even() {
		return each / float64(r.Of)
	}
	sum := 0.0
	for _, w := range r.Weights() {
		p := w
		if per == "room" {
			p = 1 / float64(r.Of)
		}
		sum += p * min(each*w, clients)
	}
	return sum
}

// roomSize reads how the sizes of rooms are distributed.
func (d *decoder) roomSize(n *node) Dist {
	const like = "zipf(1.07), uniform(5,50) or const(20)"
	return read(d, n, "size", func(text string) (Dist, *flaw) {
		if !strings.HasPrefix(text, "zipf(") {
			if reCount.MatchString(text) {
				return Dist{}, &flaw{fmt.Sprintf("size: %s is not a distribution", clip(text)), "remove it: without size all rooms have the same size, count × join / of members each"}
			}
			return parseDist(text, plainNumber(like), like)
		}
		arg, closed := strings.CutSuffix(strings.TrimPrefix(text, "zipf("), ")")
		s, f := plainNumber(like)(strings.TrimSpace(arg))
		if !closed || f != nil || s > maxZipf {
			return Dist{}, wrong(text, "Zipf distribution", fmt.Sprintf("write an exponent from 0 to %d, like zipf(1.07)", maxZipf))
		}
		return Dist{Text: text, Kind: "zipf", A: s}, nil
	}, nil)
}

// roomJoins reads how many rooms a client joins.
func (d *decoder) roomJoins(n *node, r *Rooms) {
	const like = "uniform(1,5)"
	v, ok := d.scalar(n, "join")
	if !ok || !slices.Contains(append(distNames, "zipf"), beforeParen(v.text())) {
		r.Join = d.count(n, "join", 1, maxJoin)
		return
	}
	r.Joins = read(d, n, "join", func(text string) (Dist, *flaw) { return parseDist(text, plainNumber(like), like) }, func(v Dist) *flaw {
		if v.Mean() > maxJoin {
			return &flaw{fmt.Sprintf("a client would join %g rooms on average", v.Mean()), fmt.Sprintf("write at most %d", maxJoin)}
		}
		return nil
	})
	if !r.Joins.IsZero() {
		r.Join = max(1, int(math.Round(r.Joins.Mean())))
	}
}

// maxZipf is the largest exponent of a Zipf distribution: at 5 the first room has 96 % of the
// members.
const maxZipf = 5

// plainNumber reads an argument of a distribution of numbers: digits, with a fraction or without.
// Words such as NaN and Inf, signs and exponents are refused.
func plainNumber(like string) func(string) (float64, *flaw) {
	return func(a string) (float64, *flaw) {
		if !reNumber.MatchString(a) {
			return 0, wrong(a, "number", "write it like "+like)
		}
		v, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return 0, wrong(a, "number", "write it like "+like)
		}
		return v, nil
	}
}
