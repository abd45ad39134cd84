//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/reports/curves"
)

// figureWidth is in points.
const figureWidth = 640

// A picture is drawn from the results of some cases.
type picture struct {
	name  string // of its file, without extension
	cases []string
	draw  func(of map[string]*results) (*curves.Figure, error)
}

func pictures() []picture {
	flight := picture{name: "fanout-inflight", draw: inFlight}
	for _, clients := range inFlightClients {
		for _, d := range depths {
			flight.cases = append(flight.cases, fmt.Sprintf(d.name, clients))
		}
	}
	return []picture{flight, {name: "fanout-processors", cases: []string{"processors", "processors-echo"}, draw: byProcessors}}
}

// results is a case as its file has it.
type results struct {
	report
	header header
}

func resultFile(dir, name, ext string) string { return filepath.Join(dir, "fanout-"+name+ext) }

// readResults reads what report.lines wrote; the findings are left out.
func readResults(dir, name string) (*results, error) {
	file := resultFile(dir, name, ".jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &results{report: report{benchCase: benchCase{name: name}, samples: map[string][]metrics{}}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		var m struct {
			Server  string  `json:"server"`
			Metrics metrics `json:"metrics"`
		}
		into := any(&m)
		if n == 1 {
			into = &r.header
		}
		if err := json.Unmarshal(lines.Bytes(), into); err != nil {
			return nil, fmt.Errorf("%s:%d: %w; measure it again: go run ./bench/fanout --cases %s", file, n, err, name)
		}
		if m.Server != "" {
			r.samples[m.Server] = append(r.samples[m.Server], m.Metrics)
		}
	}
	return r, lines.Err()
}

// point is the median of a metric with the range of its repeats.
func (r *results) point(size int, label, metric string) (curves.Point, error) {
	v := r.column(label, metric)
	if len(v) == 0 || v[0] <= 0 {
		return curves.Point{}, fmt.Errorf("the results of %s have no %s of %s; measure it again: go run ./bench/fanout --cases %s", r.name, metric, label, r.name)
	}
	return curves.Point{Size: float64(size), Value: rounds.Median(v), Low: v[0], High: v[len(v)-1]}, nil
}

// drawFigures draws every figure whose cases have results in a folder, and says what the others
// wait for.
func drawFigures(dir string, log io.Writer) error {
	drawn := 0
	for _, p := range pictures() {
		of, missing := map[string]*results{}, []string(nil)
		for _, name := range p.cases {
			r, err := readResults(dir, name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				missing = append(missing, name)
			case err != nil:
				return fmt.Errorf("reading results: %w", err)
			}
			of[name] = r
		}
		if missing != nil {
			_, _ = fmt.Fprintf(log, "%s.svg is not drawn: nothing is measured of it in %s yet: go run ./bench/fanout --figure --cases %s\n", p.name, dir, strings.Join(missing, ","))
			continue
		}
		if err := p.write(filepath.Join(dir, p.name+".svg"), of); err != nil {
			return fmt.Errorf("drawing %s: %w", p.name, err)
		}
		drawn++
	}
	if drawn == 0 {
		return fmt.Errorf("no figure has all its cases measured in %s", dir)
	}
	return nil
}

func (p *picture) write(file string, of map[string]*results) error {
	f, err := p.draw(of)
	if err != nil {
		return err
	}
	f.Sub += "; " + circumstances(p.cases, of)
	f.Alert = strings.Join(slices.DeleteFunc([]string{f.Alert, residue(p.cases, of)}, func(s string) bool { return s == "" }), "; ")
	var b bytes.Buffer
	if err := curves.Write(&b, f, figureWidth); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// circumstances is what the values of a figure were measured on.
func circumstances(cases []string, of map[string]*results) string {
	h := of[cases[0]].header
	day, _, _ := strings.Cut(h.Time, "T")
	return fmt.Sprintf("%d x %s, load of other work %s, commit %s, %s", h.Processors, h.Machine, h.Load, h.Commit, day)
}

// residue says that not all cases of a figure are from one run. The machine drifts from run to run.
func residue(cases []string, of map[string]*results) string {
	var runs []string
	for _, name := range cases {
		h := of[name].header
		if run := h.Commit + " " + h.Time; !slices.Contains(runs, run) {
			runs = append(runs, run)
		}
	}
	if len(runs) == 1 {
		return ""
	}
	return fmt.Sprintf("measured in %d runs (%s): read ratios, within one size", len(runs), strings.Join(runs, ", "))
}

// What the figure of messages in flight shows.
var (
	inFlightClients = []int{1000, 5000}
	depths          = []struct {
		inflight int
		name     string // of the case, with the number of clients
	}{{1, "single-%d"}, {8, "flood-%d"}, {64, "flood64-%d"}}
	inFlightServers = []struct{ label, name string }{
		{"throng", "Throng"}, {"node", "Node.js, socket.io"}, {"floor", "floor: a raw write for each message and client"},
	}
)

func inFlight(of map[string]*results) (*curves.Figure, error) {
	f := &curves.Figure{
		Title: "What delivering a broadcast costs the server, the more messages are in flight",
		Sub:   "processor time per delivery, user and system, on one processor: medians of interleaved repeats, from the lowest to the highest",
		Sizes: "messages in flight", Log: true,
	}
	for i, clients := range inFlightClients {
		panel := curves.Panel{Name: thousands(clients) + " clients: µs"}
		for kind, s := range inFlightServers {
			c := curves.Curve{Kind: kind}
			if i == 0 {
				c.Name = s.name
			}
			for _, d := range depths {
				pt, err := of[fmt.Sprintf(d.name, clients)].point(d.inflight, s.label, costMetric)
				if err != nil {
					return nil, err
				}
				pt.Text = short(pt.Value)
				c.Points = append(c.Points, pt)
			}
			panel.Curves = append(panel.Curves, c)
		}
		f.Panels = append(f.Panels, panel)
	}
	return f, nil
}

// byProcessors shows throughput and cost as multiples of those on one processor.
func byProcessors(of map[string]*results) (*curves.Figure, error) {
	f := &curves.Figure{
		Title: "What more processors give the server",
		Sub:   "medians of interleaved repeats, from the lowest to the highest, as multiples of the median on one processor",
		Sizes: "processors of the server",
	}
	kinds := []struct{ name, of, rate, cost, unit string }{
		{"broadcast to 5 000 clients, 8 in flight", "processors", "deliveries/s", costMetric, "deliveries"},
		{"echo of 1 000 clients", "processors-echo", "acks/s", echoMetric, "echoes"},
	}
	var absolute []string
	rates := curves.Panel{Name: "throughput"}
	costs := curves.Panel{Name: "processor time for a delivery, an echo"}
	var proportion, level []curves.Point
	for _, n := range processorCounts {
		at := curves.Point{Size: float64(n), Value: float64(n), Low: float64(n), High: float64(n)}
		proportion = append(proportion, at)
		at.Value, at.Low, at.High = 1, 1, 1
		level = append(level, at)
	}
	rates.Curves = append(rates.Curves, curves.Curve{Name: "in proportion", Guide: true, Points: proportion})
	costs.Curves = append(costs.Curves, curves.Curve{Guide: true, Points: level})
	for i, k := range kinds {
		rate, one, err := of[k.of].multiples(k.rate)
		if err != nil {
			return nil, err
		}
		cost, each, err := of[k.of].multiples(k.cost)
		if err != nil {
			return nil, err
		}
		absolute = append(absolute, fmt.Sprintf("%s %s a second at %s µs", thousands(int(math.Round(one/1000))*1000), k.unit, short(each)))
		rates.Curves = append(rates.Curves, curves.Curve{Name: k.name, Kind: i, Points: rate})
		costs.Curves = append(costs.Curves, curves.Curve{Kind: i, Points: cost})
	}
	f.Panels = []curves.Panel{rates, costs}
	f.Sub += ", which gave " + strings.Join(absolute, ", ")
	if has := of[kinds[0].of].header.Processors; processorCounts[len(processorCounts)-1] >= has {
		f.Alert = fmt.Sprintf("the machine has %d processors, and the load generator needs one: a server on %d or more shares it", has, has)
	}
	return f, nil
}

// multiples is a metric by processors, as multiples of its median on one, which comes too.
func (r *results) multiples(metric string) (points []curves.Point, one float64, err error) {
	for _, n := range processorCounts {
		pt, err := r.point(n, "throng "+onCount(n), metric)
		if err != nil {
			return nil, 0, err
		}
		if one == 0 {
			one = pt.Value
		}
		pt.Value, pt.Low, pt.High = pt.Value/one, pt.Low/one, pt.High/one
		if n > 1 { // else it is 1
			pt.Text = fmt.Sprintf("%.2f", pt.Value)
		}
		points = append(points, pt)
	}
	return points, one, nil
}

// thousands prints a count with its thousands apart.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u00a0" + s[i:]
	}
	return s
}

// short prints two digits that count.
func short(v float64) string {
	switch {
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
