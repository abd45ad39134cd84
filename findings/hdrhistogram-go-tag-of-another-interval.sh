#!/usr/bin/env bash
# github.com/HdrHistogram/hdrhistogram-go v1.4.0, HistogramLogReader.NextIntervalHistogramWithRange
#
# Guess: the tag of an interval is the one that its line in the log has, and an interval without one has none.
# Seen:  the reader keeps the tag of an interval that is before the range, and gives it to the first one within the range
#        that has none of its own. Of ten intervals, the first five of them tagged "warmup", a reader of the range from
#        the sixth on gets the sixth as "warmup". Read without a range, it has no tag.
# Why:   tags are how a log keeps a warm-up apart. A tool that reads "from the measurement on" and then takes what has no
#        tag drops the first interval of it, the one in which a server is slowest. Read the whole log and compare times.
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
	"bytes"
	"fmt"
	"math"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	start   = 1_700_000_000 // seconds since the epoch
	seconds = 10
	warm    = 5 // of them, the first ones, with a tag
)

// write returns a log of intervals of a second, with absolute time stamps.
func write() []byte {
	var log bytes.Buffer
	writer := hdrhistogram.NewHistogramLogWriter(&log)
	check(writer.OutputStartTime(start * 1000))
	check(writer.OutputLegend())
	for second := int64(0); second < seconds; second++ {
		interval := hdrhistogram.New(1, 1_000_000, 3)
		check(interval.RecordValue(second + 1))
		interval.SetStartTimeMs((start + second) * 1000)
		interval.SetEndTimeMs((start + second + 1) * 1000)
		if second < warm {
			interval.SetTag("warmup")
		}
		check(writer.OutputIntervalHistogram(interval))
	}
	return log.Bytes()
}

// tags reads the tags of the intervals that begin from a time on.
func tags(log []byte, from float64) (all []string) {
	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log))
	for {
		interval, err := reader.NextIntervalHistogramWithRange(from, math.MaxFloat64, true)
		check(err)
		if interval == nil {
			return all
		}
		all = append(all, interval.Tag())
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	log := write()
	whole, measured := tags(log, 0), tags(log, start+warm)
	fmt.Printf("tags of the whole log:        %q\n", whole)
	fmt.Printf("tags from second %d of it on:  %q\n", warm, measured)
	if len(whole) != seconds || len(measured) != seconds-warm || whole[warm] != "" || measured[0] != "warmup" || measured[1] != "" {
		os.Exit(1)
	}
}
GO
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
