package reporttest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/result"
)

// shape is what a sample run looks like. All samples are functions of it and of the seed alone.
type shape struct {
	seed       uint64
	clients    int
	ramp, hold int     // seconds
	rate       float64 // broadcasts a second
	median     float64 // µs, of a delivery
	sigma      float64 // of the logarithm
	stall      int     // a second in which everything takes 200 ms longer; 0 for none
	lag        float64 // µs, of the generator's p99
	failing    int     // connects that fail
}

var calm = shape{seed: 1, clients: 10000, ramp: 10, hold: 50, rate: 10, median: 9000, sigma: 0.45, lag: 180}

func (s shape) cell() result.Cell {
	rnd := rand.New(rand.NewPCG(s.seed, 7))
	c := result.Cell{
		Params: map[string]string{}, Trial: 1, Verdict: result.Pass, Seconds: float64(s.hold),
		Settings: map[string]string{"transport": "websocket", "fanout": "batched", "payload_bytes": "256"},
		Latency:  map[string]*result.Latency{}, Errors: map[string]int64{},
		Phases: []result.Phase{
			{Name: "ramp", EndS: float64(s.ramp)},
			{Name: "warm-up", StartS: float64(s.ramp), EndS: float64(s.ramp + 5)},
			{Name: "hold", StartS: float64(s.ramp + 5), EndS: float64(s.ramp + 5 + s.hold), Record: true},
		},
	}
	total := map[string]*hdrhistogram.Histogram{}
	for _, m := range []string{"delivery", "ack", "ack.service", "connect", "fanout.last"} {
		total[m] = result.NewHistogram()
	}
	per := int(float64(s.clients) * s.rate)
	for t := range s.ramp + 5 + s.hold {
		sec := result.Second{T: float64(t), Latency: map[string]result.Quantiles{}}
		sec.Asked = min(s.clients, s.clients*(t+1)/s.ramp)
		sec.Open = min(s.clients, int(float64(s.clients)*(float64(t)+0.9)/float64(s.ramp)))
		sec.Held = min(s.clients, int(float64(s.clients)*(float64(t)+0.8)/float64(s.ramp)))
		if s.failing > 0 && t < s.ramp && t%3 == 2 {
			sec.Failed = s.failing
		}
		if t < s.ramp {
			for range 40 {
				result.Record(total["connect"], Micro(2500*math.Exp(0.5*rnd.NormFloat64())))
			}
		}
		if t >= s.ramp {
			s.second(rnd, t, per, &sec, total)
		}
		sec.LagP99us = int64(s.lag * (0.7 + 0.5*rnd.Float64()))
		sec.CPU = 0.18 + 0.2*math.Min(1, float64(t)/float64(s.ramp)) + 0.03*rnd.Float64()
		sec.ServerCPU = 0.1 + 0.35*math.Min(1, float64(t)/float64(s.ramp)) + 0.04*rnd.Float64()
		sec.ServerRSSBytes = 30<<20 + int64(sec.Held)*14000
		sec.GCPauseMaxus = int64(40 + 60*rnd.Float64())
		c.Timeline = append(c.Timeline, sec)
		c.Generator.CPUMax = max(c.Generator.CPUMax, sec.CPU)
	}
	for m, h := range total {
		c.Latency[m] = result.FromHistogram(h)
	}
	s.rest(&c, per)
	return c
}

func (s shape) second(rnd *rand.Rand, t, per int, sec *result.Second, total map[string]*hdrhistogram.Histogram) {
	slow := 0.0
	if s.stall > 0 && t == s.stall {
		slow = 200e3
	}
	record := t >= s.ramp+5
	sum := func(metricName string, n int, median, sigma float64) {
		h := result.NewHistogram()
		for range n {
			result.Record(h, Micro(median*math.Exp(sigma*rnd.NormFloat64())+slow*rnd.Float64()))
		}
		if record {
			total[metricName].Merge(h)
		}
		q := result.QuantilesOf(h)
		if metricName == "delivery" || metricName == "ack" {
			var heat result.Heat
			for _, bar := range h.Distribution() {
				heat.Add(bar.From, bar.Count)
			}
			q.Heat = heat.Take()
		}
		sec.Latency[metricName] = q
	}
	sum("delivery", min(per, 4000), s.median, s.sigma)
	sum("ack", 200, s.median/4, s.sigma)
	sum("ack.service", 200, s.median/5, s.sigma)
	sum("fanout.last", int(s.rate), s.median*2.2, s.sigma/3)
	sec.Sent, sec.Received = int64(s.rate), int64(per)
}

func (s shape) rest(c *result.Cell, per int) {
	n := int64(per * s.hold)
	c.Clients = result.Clients{Asked: s.clients + 1, Held: s.clients + 1 - s.failing, Failed: s.failing}
	c.Ledger = result.Ledger{Sent: int64(s.rate) * int64(s.hold), Expected: n, Received: n}
	c.Rates = result.Rates{OfferedPerS: s.rate, AchievedPerS: s.rate, DeliveriesPerS: float64(per)}
	c.Server = result.Server{
		Target: "http://127.0.0.1:40123", BuiltIn: true, SameMachine: true, CPUs: 0.9 * float64(s.hold), RSSPeakBytes: 178 << 20, RSSPerClientBytes: 14000,
		DeliveriesPerCPUs: float64(per) / 0.9 * 9000 / s.median, BytesOut: n * 290, BytesIn: 1 << 20,
	}
	c.Generator.CPUs, c.Generator.RSSPeakBytes, c.Generator.LagP99us = 0.8*float64(s.hold), 240<<20, int64(s.lag)
	c.Generator.GCPauseMaxus, c.Generator.BytesIn, c.Generator.BytesOut = 98, n*290, 1<<20
	for i := range 21 {
		r := float64(i) / 20
		c.Curve = append(c.Curve, result.CurvePoint{
			Rank: r, N: int64(s.rate) * int64(s.hold),
			P50us: int64(s.median * (0.3 + 1.6*r + 0.4*math.Pow(r, 12))), P99us: int64(s.median * (0.8 + 3*r + math.Pow(r, 12))),
		})
	}
	p99 := c.Latency["delivery"].P99us
	check := func(k result.Check) {
		if !k.Pass {
			c.Verdict = result.Worst(c.Verdict, map[string]result.Verdict{"slo": result.Fail, "valid": result.Invalid}[k.Kind])
		}
		c.Checks = append(c.Checks, k)
	}
	check(result.Check{Text: "p99(delivery) < 100ms", Stat: "p99", Metric: "delivery", Op: "<", Unit: "s", Kind: "slo", Limit: 0.1, Value: float64(p99) / 1e6, Pass: p99 < 100e3})
	check(result.Check{Text: "p99.9(fanout.last) < 400ms", Stat: "p99.9", Metric: "fanout.last", Op: "<", Unit: "s", Kind: "slo", Limit: 0.4, Value: 0.12, Pass: true})
	check(result.Check{Text: "loss(delivery) == 0", Stat: "loss", Metric: "delivery", Op: "==", Kind: "slo", Pass: true})
	check(result.Check{Text: "p99(lag) < 1ms", Stat: "p99", Metric: "lag", Op: "<", Unit: "s", Kind: "valid", Limit: 0.001, Value: s.lag / 1e6, Pass: s.lag < 1000})
	check(result.Check{Text: "max(cpu) < 80%", Stat: "max", Metric: "cpu", Op: "<", Unit: "share", Kind: "valid", Limit: 0.8, Value: c.Generator.CPUMax, Pass: true})
}

// Micro is a duration of us microseconds.
func Micro(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }

func runOf(cells ...result.Cell) *result.Run {
	r := &result.Run{
		Format: result.Format, Scenario: "broadcast", About: "One speaker, 10 000 listeners, 10 messages a second.", Verdict: result.Pass, Seed: 1,
		Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Throng: "v0.1.0",
		Env: map[string]string{
			"os": "linux", "arch": "amd64", "kernel": "6.1.0", "cpu": "Example CPU @ 2.60GHz", "cores": "2", "gomaxprocs": "2",
			"go": "go1.26.0", "memory_bytes": "8345231360", "clock": "tsc", "commit": "0123456789ab",
		},
		Command: []string{"throng", "run", "broadcast", "--set", "viewers=10000", "--out", "out/my run"},
		Cells:   cells,
	}
	for _, c := range cells {
		r.Verdict = result.Worst(r.Verdict, c.Verdict)
	}
	return r
}

// Samples are runs of every shape that a report must cope with.
var Samples = map[string]func() *result.Run{
	"pass":    func() *result.Run { return runOf(calm.cell()) },
	"fail":    failed,
	"invalid": lagging,
	"aborted": aborted,
	"matrix":  func() *result.Run { return matrix(2, []string{"websocket", "upgrade", "polling"}, nil) },
	"large": func() *result.Run {
		return matrix(3, []string{"websocket", "polling"}, []string{"naive", "serial", "writers", "sharded", "batched"})
	},
	"none":   func() *result.Run { return runOf() },
	"bare":   func() *result.Run { return runOf(result.Cell{Verdict: result.Pass}) },
	"second": oneSecond,
	"rooms":  rooms,
	"search": searched,
}

// made holds the samples as JSON once they are made, which takes far longer than reading them
// again.
var made = map[string][]byte{}

// Sample returns a copy of its own of the named run.
func Sample(name string) *result.Run {
	if made[name] == nil {
		text, err := json.Marshal(Samples[name]())
		if err != nil {
			panic(err)
		}
		made[name] = text
	}
	run := new(result.Run)
	if err := json.Unmarshal(made[name], run); err != nil {
		panic(err)
	}
	return run
}

func failed() *result.Run {
	s := calm
	s.seed, s.median, s.sigma, s.stall, s.failing = 2, 52000, 0.6, 33, 4
	c := s.cell()
	c.Errors = map[string]int64{"connect.timeout": 9, "connect.refused": 3, "ack.timeout": 0}
	c.Ledger.Lost, c.Ledger.Received, c.Ledger.Late = 12, c.Ledger.Received-12, 40
	c.Warnings = []string{"3 <b>clients</b> & more were dropped & \"reset\" by the server"}
	return runOf(c)
}

func lagging() *result.Run {
	s := calm
	s.seed, s.lag, s.stall = 3, 12400, 20
	c := s.cell()
	c.Warnings = []string{"generator CPU reached 97 %: every latency is an upper bound"}
	return runOf(c)
}

func aborted() *result.Run {
	c := result.Cell{Verdict: result.Invalid, Reason: "interrupted before the first recorded phase", Clients: result.Clients{Asked: 300, Held: 288}}
	for t := range 3 {
		c.Timeline = append(c.Timeline, result.Second{T: float64(t), Asked: 100 * (t + 1), Open: 98 * (t + 1), Held: 96 * (t + 1)})
	}
	run := runOf(c)
	run.Interrupted = true
	return run
}

func oneSecond() *result.Run {
	s := calm
	s.clients, s.ramp, s.hold = 3, 1, 1
	c := s.cell()
	c.Timeline = c.Timeline[:1]
	return runOf(c)
}

// rooms is a run in which the tenths of the rooms differ, and a third of the clients is dropped in
// its middle.
func rooms() *result.Run {
	s := calm
	s.seed, s.clients, s.ramp, s.hold = 5, 900, 5, 40
	c := s.cell()
	c.Phases = append(c.Phases[:2:2], result.Phase{Name: "hold", StartS: 10, EndS: 30, Record: true}, result.Phase{Name: "deploy", StartS: 30, EndS: 50, Record: true, Fault: "drop"})
	for i := range c.Timeline {
		if t := c.Timeline[i].T; t >= 30 && t < 40 {
			c.Timeline[i].Held = 600 + 30*int(t-30)
		}
	}
	rnd := rand.New(rand.NewPCG(6, 6))
	for d := range 10 {
		members := 4 * math.Pow(1.8, float64(d))
		delivery, last := result.NewHistogram(), result.NewHistogram()
		for range 1500 {
			result.Record(delivery, Micro((2000+5*members)*math.Exp(0.3*rnd.NormFloat64())))
			result.Record(last, Micro((2000+10*members)*math.Exp(0.1*rnd.NormFloat64())))
		}
		c.Rooms = append(c.Rooms, result.Rooms{
			Decile: d + 1, Rooms: 20, MembersMin: math.Floor(members * 0.8), Members: members, MembersMax: math.Ceil(members * 1.3),
			Delivery: result.FromHistogram(delivery), Last: result.FromHistogram(last),
		})
	}
	r := runOf(c)
	r.Scenario, r.About = "rooms", "Rooms of very different sizes, and a deploy."
	return r
}

// searched is a search over a server whose p99 breaks 100 ms a little above 5 000 viewers.
func searched() *result.Run {
	trials := []struct {
		level float64
		kind  string
	}{
		{1000, "probe"},
		{2000, "probe"},
		{4000, "probe"},
		{8000, "probe"},
		{8000, "probe"},
		{5657, "probe"},
		{4757, "probe"},
		{5187, "probe"},
		{4967, "probe"},
		{5187, "confirm"},
		{5187, "confirm"},
		{5187, "confirm"},
		{4967, "confirm"},
		{4967, "confirm"},
		{4967, "confirm"},
		{500, "curve"},
		{3477, "curve"},
		{3000, "curve"},
	}
	k := &result.Capacity{
		Raise: "groups.viewers.count", From: 1000, To: 50000, Precision: 0.05, Confirm: 3, TrialS: 4, ConfirmS: 4, BudgetS: 600,
		End: "found", Low: 4967, LowConfirmed: true, High: 5187, HighConfirmed: true, TookS: 216, PlanFor: 100000, Spare: 1,
	}
	r := runOf()
	for i, t := range trials {
		s := shape{seed: uint64(50 + i), clients: int(t.level), ramp: 2, hold: 4, rate: 5, sigma: 0.3, lag: 150}
		s.median = 4000 + 44000*math.Pow(t.level/5050, 4)
		c := s.cell()
		c.Clients.Asked, c.Clients.Held = int(t.level), int(t.level)
		c.Server.CPUs, c.Server.RSSPeakBytes = 0.8*t.level/5000*c.Seconds, 30<<20+int64(14000*t.level)+int64(i%3)<<16
		c.Params = map[string]string{result.ParamLevel: fmt.Sprintf("%.0f", t.level)}
		for _, earlier := range trials[:i] {
			if earlier.level == t.level {
				c.Trial++
			}
		}
		verdict := "held"
		if t.level > 5050 {
			verdict, c.Verdict, c.Reason = "broke", result.Fail, "p99(delivery) < 100ms: 104.2ms"
			c.Checks[0].Pass = false
		} else {
			c.Verdict, c.Checks[0].Pass = result.Pass, true
		}
		if i == len(trials)-1 {
			verdict, c.Verdict, c.Reason = "invalid", result.Invalid, "p99(lag) < 1ms: 3ms"
			k.Invalid++
		}
		r.Cells = append(r.Cells, c)
		k.Probes = append(k.Probes, result.Probe{Level: t.level, Kind: t.kind, Verdict: verdict, Reason: c.Reason, TookS: 12, Cell: i + 1, Dir: fmt.Sprintf("trials/%02d", i+1)})
	}
	r.Verdict = result.Pass
	r.Capacity, r.Scenario, r.About = k, "capacity-clients", "How many listeners one node holds."
	return r
}

func matrix(trials int, transports, fanouts []string) *result.Run {
	if fanouts == nil {
		fanouts = []string{""}
	}
	var cells []result.Cell
	for trial := range trials {
		for i, t := range transports {
			for j, f := range fanouts {
				s := shape{seed: uint64(trial*100 + i*10 + j), clients: 500, ramp: 4, hold: 12, rate: 10, sigma: 0.4, lag: 150}
				s.median = 3000 * (1 + 1.4*float64(i)) * (2.4 - 0.35*float64(j)) * (1 + 0.06*float64(trial))
				c := s.cell()
				c.Trial = trial + 1
				c.Params = map[string]string{"transport": t, "size": "256B"}
				if f != "" {
					c.Params["fanout"] = f
				}
				if f == "naive" && trial == 1 {
					c.Verdict, c.Reason = result.Invalid, "generator lag"
					c.Checks[3].Pass, c.Checks[3].Value = false, 0.0032
				}
				cells = append(cells, c)
			}
		}
	}
	r := runOf(cells...)
	r.Scenario, r.About = "transports", fmt.Sprintf("The same rooms over %d transports.", len(transports))
	return r
}
