package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// leastBend is how far the normalised curve must sag below the straight line between its ends for a
// knee: less is what noise does to a straight line.
const leastBend = 0.2

// ErrNoKnee says that a curve does not bend clearly.
var ErrNoKnee = errors.New("no knee: the curve does not bend clearly in the range measured")

// Knee is the level at which a latency that grows with the level begins to rise steeply: the
// Kneedle of Satopää and others (2011) with sensitivity 1 for a convex, rising curve. Trials of a
// level are taken by their median, and the curve is made to rise first by isotonic regression, so
// that one lucky level is no bend. It needs MinLevels different levels; otherwise, or where there
// is none to see, it is an error that says so.
func Knee(points []Point) (level float64, err error) {
	curve, err := byLevel(points)
	if err != nil {
		return 0, err
	}
	if len(curve) < MinLevels {
		return 0, fmt.Errorf("no knee: %s; measure %d or more", tooFew(len(curve)), MinLevels)
	}
	rise(curve)
	first, last := curve[0], curve[len(curve)-1]
	if last.Value <= first.Value {
		return 0, ErrNoKnee
	}
	sag := make([]float64, len(curve))
	best := 0
	for i, p := range curve {
		sag[i] = (p.Level-first.Level)/(last.Level-first.Level) - (p.Value-first.Value)/(last.Value-first.Value)
		if sag[i] > sag[best] {
			best = i
		}
	}
	// The threshold that ends a knee is the mean distance of the levels below it. Behind the
	// highest sag the curve always ends above the threshold unless the sag is smaller than that
	// distance: then the levels are too far apart to see a knee.
	step := 1 / float64(len(curve)-1)
	if sag[best] < leastBend || sag[best] < step {
		return 0, ErrNoKnee
	}
	return curve[best].Level, nil
}

// byLevel takes the median of each level, in order of the levels.
func byLevel(points []Point) ([]Point, error) {
	at := map[float64][]float64{}
	for _, p := range points {
		if math.IsNaN(p.Level) || math.IsInf(p.Level, 0) || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			return nil, fmt.Errorf("no knee: %v at level %v is not a measurement", p.Value, p.Level)
		}
		at[p.Level] = append(at[p.Level], p.Value)
	}
	var curve []Point
	for level, vs := range at {
		slices.Sort(vs)
		mid := vs[len(vs)/2]
		if len(vs)%2 == 0 {
			mid = (vs[len(vs)/2-1] + mid) / 2
		}
		curve = append(curve, Point{level, mid})
	}
	slices.SortFunc(curve, func(a, b Point) int { return cmp.Compare(a.Level, b.Level) })
	return curve, nil
}

// rise is isotonic regression by pooling adjacent violators: values that fall are replaced by the
// mean of their stretch.
func rise(curve []Point) {
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	for _, p := range curve {
		blocks = append(blocks, block{p.Value, 1})
		for k := len(blocks) - 1; k > 0 && blocks[k].sum/float64(blocks[k].n) < blocks[k-1].sum/float64(blocks[k-1].n); k-- {
			blocks[k-1].sum += blocks[k].sum
			blocks[k-1].n += blocks[k].n
			blocks = blocks[:k]
		}
	}
	i := 0
	for _, b := range blocks {
		for range b.n {
			curve[i].Value = b.sum / float64(b.n)
			i++
		}
	}
}

// operatingShare of the capacity is what a node should be loaded with at most: room for bursts, for
// a neighbour that fails, and for the error of the measurement.
const operatingShare = 0.7

// OperatingPoint is the load to run a node at: 70 % of the capacity (the lower end of its
// interval), or the knee where that is lower. knee 0 stands for none found.
func OperatingPoint(capacity, knee float64) float64 {
	p := operatingShare * capacity
	if knee > 0 && knee < p {
		return knee
	}
	return p
}

// Nodes is how many nodes carry a load when each runs at its operating point and spare of them may
// fail at once. The load is assumed to spread evenly, and nodes not to slow one another: what a
// single node cannot tell.
func Nodes(load, operating float64, spare int) (int, error) {
	if !(load >= 0) || !(operating > 0) || math.IsInf(load, 0) || spare < 0 {
		return 0, fmt.Errorf("nodes: a load of %v at %v a node with %d to spare cannot be planned", load, operating, spare)
	}
	n := math.Ceil(load/operating - 1e-9)
	if n > math.MaxInt32 {
		return 0, fmt.Errorf("nodes: a load of %v at %v a node is beyond planning", load, operating)
	}
	return int(n) + spare, nil
}

func tooFew(levels int) string {
	switch levels {
	case 0:
		return "no level was measured"
	case 1:
		return "one level is too few"
	}
	return fmt.Sprintf("%d levels are too few", levels)
}
