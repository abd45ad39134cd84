#!/usr/bin/env bash
# gonum.org/v1/gonum v0.17.0, stat.Quantile, and gonum.org/v1/plot v0.17.0, plotter.NewBoxPlot
#
# Guess: the median of three trials 10, 20, 30 is 20, however a package interpolates, and the box of five trials that
#        lie symmetrically about their median is drawn symmetrically.
# Seen:  stat.Quantile(0.5, stat.LinInterp) of 10, 20, 30 is 15, between two trials, and of 10, 20, 30, 40 it is 20 in
#        place of 25: it interpolates the cumulative distribution, so each quantile is half a trial too low, and that of
#        the mirrored values is not the mirrored quantile. stat.Empirical says 20 for three. NewBoxPlot counts the
#        median of an odd number of trials to the upper half and not to the lower: the box of 10, 20, 30, 40, 50 reaches
#        from 15 to 40, with 30 in it.
# Why:   benchmarks have three or five trials. Figures of one library show a skew that the data do not have, and two
#        medians for the same trials, half the distance of two trials apart. Take stat.Empirical of an odd number of
#        trials, and draw the trials themselves in place of a box.
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

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

func main() {
	three, four := []float64{10, 20, 30}, []float64{10, 20, 30, 40}
	mirrored := []float64{-30, -20, -10}
	of3 := stat.Quantile(0.5, stat.LinInterp, three, nil)
	of4 := stat.Quantile(0.5, stat.LinInterp, four, nil)
	back := -stat.Quantile(0.5, stat.LinInterp, mirrored, nil)
	exact := stat.Quantile(0.5, stat.Empirical, three, nil)
	fmt.Printf("median of 10 20 30: LinInterp %g, of the mirrored values %g, Empirical %g; of 10 20 30 40: LinInterp %g\n", of3, back, exact, of4)

	box3, err := plotter.NewBoxPlot(vg.Points(20), 0, plotter.Values(three))
	check(err)
	box5, err := plotter.NewBoxPlot(vg.Points(20), 0, plotter.Values{10, 20, 30, 40, 50})
	check(err)
	fmt.Printf("box of 10 20 30:       %g to %g, median %g\n", box3.Quartile1, box3.Quartile3, box3.Median)
	fmt.Printf("box of 10 20 30 40 50: %g to %g, median %g\n", box5.Quartile1, box5.Quartile3, box5.Median)

	skewed := box5.Median-box5.Quartile1 == 15 && box5.Quartile3-box5.Median == 10
	if of3 != 15 || back != 25 || exact != 20 || of4 != 20 || box3.Median != 20 || !skewed {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go get gonum.org/v1/gonum@v0.17.0 gonum.org/v1/plot@v0.17.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go mod tidy >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
