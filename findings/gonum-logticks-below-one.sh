#!/usr/bin/env bash
# gonum.org/v1/plot v0.17.0, plot.LogTicks
#
# Guess: on a logarithmic axis LogTicks marks every power of ten and its multiples within the range of the axis, above
#        and below one alike.
# Seen:  below one the first power is rounded up instead of down (the exponent is cut towards zero): an axis from 0.03
#        to 30 begins its ticks at 0.1, one from 0.2 to 0.9 has a single tick, at 1, outside of it. Ten times the values
#        give ticks from the start.
# Why:   latencies below a millisecond, or ratios around one, are drawn on an axis whose left part, or whole, has no
#        marks, while the same figure in microseconds is right. Give the axis ticks of your own, or data above one.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"gonum.org/v1/plot"
)

// within counts the ticks of the axis from low to high, and says which is the lowest.
func within(low, high float64) (count int, lowest float64) {
	for _, tick := range (plot.LogTicks{Prec: -1}).Ticks(low, high) {
		if tick.Value < low || tick.Value > high {
			continue
		}
		if count == 0 || tick.Value < lowest {
			lowest = tick.Value
		}
		count++
	}
	return count, lowest
}

func main() {
	lower, first := within(0.03, 30)
	_, firstOfTen := within(30, 30_000)
	none, _ := within(0.2, 0.9)
	some, _ := within(2, 9)
	fmt.Printf("0.03 to 30: %d ticks within, the lowest at %g; 30 to 30000: the lowest at %g\n", lower, first, firstOfTen)
	fmt.Printf("0.2 to 0.9: %d ticks within; 2 to 9: %d\n", none, some)
	if first != 0.1 || firstOfTen != 30 || none != 0 || some == 0 {
		os.Exit(1)
	}
}
GO
go get gonum.org/v1/plot@v0.17.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
