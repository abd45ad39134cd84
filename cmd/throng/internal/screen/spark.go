package screen

import (
	"math"
	"strings"
)

var (
	blocks = []rune(" ▁▂▃▄▅▆▇█")
	plain  = []rune(" _.-:=+*#")
)

// Spark draws a character for each value, as high as the value is beside the highest of them. A
// logarithmic one, for latencies, reaches over one power of ten at least, so that noise stays low.
// A value that is not positive is a blank.
func Spark(vs []float64, log, ascii bool) string {
	signs := blocks
	if ascii {
		signs = plain
	}
	high, low := 0.0, math.Inf(1)
	for _, v := range vs {
		if v > 0 {
			high, low = max(high, v), min(low, v)
		}
	}
	var b strings.Builder
	for _, v := range vs {
		share := 0.0
		switch {
		case v <= 0 || math.IsNaN(v):
			b.WriteRune(signs[0])
			continue
		case log:
			bottom := min(low, high/10)
			share = math.Log(v/bottom) / math.Log(high/bottom)
		default:
			share = v / high
		}
		steps := float64(len(signs) - 2)
		b.WriteRune(signs[1+int(math.Round(share*steps))])
	}
	return b.String()
}
