//go:build linux

package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/throng-io/throng/bench/internal/manual"
	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/scenario/metric"
)

// readmeCommand is by which the table in README.md is written.
const readmeCommand = "go run ./bench/fanout"

// readmeRows are what that table shows of throng, node and the floor.
var readmeRows = []struct{ about, of, metric string }{
	{"broadcast to 1 000 clients, 8 in flight: CPU µs for each delivery", "flood-1000", costMetric},
	{"the same, one in flight", "single-1000", costMetric},
	{"the same to clients that poll", "polling-single", costMetric},
	{"echoes with acknowledgement for a CPU second", "echo", acksMetric},
	{"connect, with handshake and namespace: CPU µs", "connects", dialsMetric},
	{"idle websocket: KiB of memory", "idle", pssMetric},
}

// readmeTable is the table that the results in a folder give: medians of the repeats.
func readmeTable(dir string) (string, error) {
	var b strings.Builder
	b.WriteString("| | Throng | Node | floor |\n|---|---|---|---|\n")
	for _, row := range readmeRows {
		r, err := readResults(dir, row.of)
		if err != nil {
			return "", fmt.Errorf("the table in README.md: %w; measure it: go run ./bench/fanout --cases %s", err, row.of)
		}
		fmt.Fprintf(&b, "| %s ", row.about)
		for _, server := range []string{"throng", "node", "floor"} {
			v := r.column(server, row.metric)
			if len(v) == 0 {
				return "", fmt.Errorf("the table in README.md: the results of %s have no %s of %s; measure it again: go run ./bench/fanout --cases %s", row.of, row.metric, server, row.of)
			}
			fmt.Fprintf(&b, "| %s ", amount(rounds.Median(v), 3))
		}
		b.WriteString("|\n")
	}
	return b.String(), nil
}

// amount prints so many digits that count, thousands apart.
func amount(v float64, digits int) string {
	if v < 1000 {
		return rounds.Figure(v)
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))+1-float64(digits))
	return metric.FormatCount(int(math.Round(v/unit) * unit))
}

// updateReadme writes the table into the README.md of the project, if dir has the project's
// results.
func updateReadme(root, dir string) error {
	if dir != filepath.Join(root, "bench", "results") {
		return nil
	}
	table, err := readmeTable(dir)
	if err != nil {
		return err
	}
	return manual.Rewrite(filepath.Join(root, "README.md"), readmeCommand, table)
}
