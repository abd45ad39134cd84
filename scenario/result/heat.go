package result

import (
	"math"
	"strconv"
	"strings"
)

// heatPerOctave is how many steps a doubling of latency has in a packed distribution.
const heatPerOctave = 4

// HeatStep is a step of a packed distribution: N samples from Low to below High microseconds.
type HeatStep struct{ Low, High, N int64 }

// Heat counts the latencies of one second in steps that grow by a fifth, four to the double; step 0
// holds what took up to a microsecond. It is for one goroutine.
type Heat [heatSteps]int64

const heatSteps = 4*32 + 1 // up to MaxLatency

// Add counts n samples of so many microseconds.
func (h *Heat) Add(us, n int64) { h[min(heatStep(us), heatSteps-1)] += n }

// Take returns the counts as text and resets them: the place of the first step that holds samples,
// and the number of samples of each step from there on, separated by spaces. Without samples it is
// "".
func (h *Heat) Take() string {
	first, last := -1, 0
	for i, n := range h {
		if n > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(first))
	for _, n := range h[first : last+1] {
		b.WriteByte(' ')
		b.WriteString(strconv.FormatInt(n, 10))
	}
	*h = Heat{}
	return b.String()
}

func heatStep(us int64) int {
	if us <= 1 {
		return 0
	}
	return int(math.Floor(heatPerOctave*math.Log2(float64(us)) + 1e-9))
}

// HeatOf takes back what Heat.Take wrote. Text that is none gives nothing.
func HeatOf(text string) []HeatStep {
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return nil
	}
	first, err := strconv.Atoi(fields[0])
	if err != nil || first < 0 || first >= heatSteps {
		return nil
	}
	var steps []HeatStep
	for i, f := range fields[1:] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil || n < 0 {
			return nil
		}
		if n > 0 {
			steps = append(steps, HeatStep{Low: heatEdge(first + i), High: heatEdge(first + i + 1), N: n})
		}
	}
	return steps
}

func heatEdge(step int) int64 {
	return int64(math.Ceil(math.Pow(2, float64(min(step, heatSteps))/heatPerOctave) - 1e-9))
}
