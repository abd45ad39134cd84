#!/usr/bin/env bash
# github.com/HdrHistogram/hdrhistogram-go v1.4.0, HistogramLogReader.NextIntervalHistogramWithRange
#
# Guess: with absolute = false the range counts seconds from the start of the log: 0 to 10 are its first ten intervals
#        of a second.
# Seen:  none is returned, and no error: the start time is added to the time of an interval that is absolute already,
#        instead of being taken from it. The range that finds the intervals is twice the epoch time.
#        absolute = true selects by epoch seconds, as it says.
# Why:   a tool that skips the warm-up of a latency log ("from second 5 on") reads nothing from a log that is whole, and
#        the end of the log looks the same as an empty range. Ask with absolute = true and add the start time.
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
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const start = 1_700_000_000 // seconds since the epoch

// write returns a log of twenty intervals of a second, with absolute time stamps.
func write() []byte {
	var log bytes.Buffer
	writer := hdrhistogram.NewHistogramLogWriter(&log)
	check(writer.OutputLogFormatVersion())
	check(writer.OutputStartTime(start * 1000))
	check(writer.OutputLegend())
	for second := int64(0); second < 20; second++ {
		interval := hdrhistogram.New(1, 1_000_000, 3)
		check(interval.RecordValue(second + 1))
		interval.SetStartTimeMs((start + second) * 1000)
		interval.SetEndTimeMs((start + second + 1) * 1000)
		check(writer.OutputIntervalHistogram(interval))
	}
	return log.Bytes()
}

// count reads the intervals of the range, both ends included.
func count(log []byte, from, to float64, absolute bool) int {
	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log))
	found := 0
	for {
		interval, err := reader.NextIntervalHistogramWithRange(from, to, absolute)
		check(err)
		if interval == nil {
			return found
		}
		found++
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	log := write()
	relative := count(log, 0, 9, false)
	absolute := count(log, start, start+9, true)
	twice := count(log, 2*start, 2*start+9, false)
	fmt.Printf("of 20 intervals: relative 0 to 9: %d; absolute %d and 9 more: %d; relative, from twice that: %d\n",
		relative, start, absolute, twice)
	if relative != 0 || absolute != 10 || twice != 10 {
		os.Exit(1)
	}
}
GO
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
