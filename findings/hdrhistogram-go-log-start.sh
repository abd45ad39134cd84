#!/usr/bin/env bash
# github.com/HdrHistogram/hdrhistogram-go v1.4.0, HistogramLogWriter
#
# Guess: OutputStartTime(ms) and OutputBaseTime(ms) write the time to the millisecond; the format has three decimals.
# Seen:  both headers are cut to whole seconds, while each interval counts from the exact base that SetBaseTime was
#        given. A reader adds the cut header to the exact offset: every interval is placed up to a second early.
# Why:   a latency log laid beside the log of a server is off by up to a second, and differently in each run.
#        Begin on a whole second, or write the headers with OutputComment.
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
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

func main() {
	const start = 1_700_000_000_750 // ms: three quarters after a whole second
	var log bytes.Buffer
	w := hdr.NewHistogramLogWriter(&log)
	w.SetBaseTime(start)
	h := hdr.New(1, 1000, 3)
	h.SetStartTimeMs(start)
	h.SetEndTimeMs(start + 1000)
	err := h.RecordValue(5)
	if err == nil {
		err = w.OutputStartTime(start)
	}
	if err == nil {
		err = w.OutputBaseTime(start)
	}
	if err == nil {
		err = w.OutputIntervalHistogram(h)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for line := range strings.Lines(log.String()) {
		fmt.Printf("%.70s\n", strings.TrimSpace(line))
	}
	if !strings.Contains(log.String(), "1700000000 ") && !strings.Contains(log.String(), "1700000000.0") || strings.Contains(log.String(), "1700000000.75") {
		os.Exit(1)
	}
}
GO
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
