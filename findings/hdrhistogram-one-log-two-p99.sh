#!/usr/bin/env bash
# github.com/HdrHistogram/hdrhistogram-go v1.4.0 and hdr-histogram-js 3.0.1 (npm), one encoded histogram
#
# Guess: both are ports of the same HdrHistogram and read the same encoding, so the 99th percentile of one log is the
#        same value in both.
# Seen:  of 60 samples, 59 of 1 ms and one of 900 ms, JavaScript says that p99 is 900 ms and Go that it is 1 ms. The
#        rank of a percentile is rounded up in JavaScript (as in Java), and to the nearest in Go: 0.99 * 60 = 59.4
#        is the 60th sample there and the 59th here. From 51 to 100 samples, Go's p99 can never be the largest one.
# Why:   a seconds-long outlier passes a p99 limit in one tool and breaks it in the other, on the same .hlog file.
#        Tools that draw short windows, one second of a few dozen samples, differ in most of them. Compute the rank
#        from the counts, or compare tools by the counts in the file, not by their percentiles.
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

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

func main() {
	h := hdr.New(1, 3_600_000, 3)
	err := h.RecordValues(1, 59)
	if err == nil {
		err = h.RecordValue(900)
	}
	text, encodeErr := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil || encodeErr != nil {
		fmt.Fprintln(os.Stderr, err, encodeErr)
		os.Exit(2)
	}
	fmt.Printf("%d %d %s\n", h.TotalCount(), h.ValueAtQuantile(99), text)
}
GO
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import hdr from "hdr-histogram-js";
const [count, p99, text] = readFileSync(0, "utf8").trim().split(" ");
const h = hdr.decodeFromCompressedBase64(text);
console.log(`samples: Go ${count}, JavaScript ${h.totalCount}; p99 in ms: Go ${p99}, JavaScript ${h.getValueAtPercentile(99)}`);
process.exit(Number(count) === h.totalCount && p99 === "1" && h.getValueAtPercentile(99) === 900 ? 0 : 1);
JS
go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
npm install --no-audit --no-fund --loglevel=error --prefix . hdr-histogram-js@3.0.1 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
go build -o finding .
timeout 60 ./finding | timeout 60 node read.mjs
