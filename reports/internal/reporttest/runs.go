package reporttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// Trial is a cell of a system whose deliveries take median µs, give or take a scatter between
// trials.
func Trial(rnd *rand.Rand, number int, params map[string]string, median float64) result.Cell {
	c := result.Cell{
		Params: params, Trial: number, Verdict: result.Pass, Seconds: 10, Clients: result.Clients{Asked: 100, Held: 100},
		Settings: map[string]string{"transport": "websocket", "fanout": "batched"}, Latency: map[string]*result.Latency{},
		Ledger: result.Ledger{Expected: 4000, Received: 4000}, Rates: result.Rates{OfferedPerS: 10, AchievedPerS: 10, DeliveriesPerS: 400},
		Phases: []result.Phase{{Name: "hold", EndS: 10, Record: true}},
		Server: result.Server{BuiltIn: true, SameMachine: true, CPUs: 1, DeliveriesPerCPUs: 4e6 / median, RSSPeakBytes: 20 << 20, RSSPerClientBytes: 12000},
	}
	h := result.NewHistogram()
	shift := math.Exp(0.02 * rnd.NormFloat64())
	for range 4000 {
		result.Record(h, Micro(median*shift*math.Exp(0.3*rnd.NormFloat64())))
	}
	c.Latency["delivery"] = result.FromHistogram(h)
	return c
}

// Trials is a run of n trials for each median, with the axis "kind" when there are several.
func Trials(seed uint64, n int, medians ...float64) *result.Run {
	rnd := rand.New(rand.NewPCG(seed, 1))
	run := &result.Run{
		Scenario: "rooms", Verdict: result.Pass, Seed: 1, Throng: "v0.1.0", Started: time.Unix(int64(seed), 0),
		Env: map[string]string{"commit": "aaaa", "kernel": "6.1"},
	}
	for number := 1; number <= n; number++ {
		for i, m := range medians {
			params := map[string]string{}
			if len(medians) > 1 {
				params["kind"] = fmt.Sprintf("kind %c", 'a'+i)
			}
			run.Cells = append(run.Cells, Trial(rnd, number, params, m))
		}
	}
	return run
}

// StrategyRun has a cell for each strategy at each work, with what it did per CPU second and its
// memory in MiB.
func StrategyRun(trials int) *result.Run {
	r := &result.Run{Scenario: "s", Verdict: result.Pass}
	for trial := range trials {
		for _, c := range []struct {
			message, rooms, fanout string
			efficiency             float64
			memory                 int64
		}{
			{"64B", "1", "naive", 100, 30},
			{"64B", "1", "serial", 190, 30},
			{"64B", "1", "batched", 200, 30},
			{"64B", "25", "naive", 100, 30},
			{"64B", "25", "serial", 1000, 30},
			{"64B", "25", "batched", 3000, 30},
			{"16KiB", "1", "naive", 90, 100},
			{"16KiB", "1", "serial", 100, 30},
			{"16KiB", "1", "batched", 70, 44},
		} {
			r.Cells = append(r.Cells, result.Cell{
				Params: map[string]string{"message": c.message, "rooms": c.rooms, "fanout": c.fanout, "same": "1"}, Trial: trial + 1, Verdict: result.Pass,
				Server: result.Server{DeliveriesPerCPUs: c.efficiency + float64(trial), RSSPeakBytes: c.memory << 20},
				Curve:  []result.CurvePoint{{Rank: 0, P50us: 100, N: 1000}, {Rank: 0.5, P50us: 500, N: 1000}, {Rank: 1, P50us: 900, N: 1000}},
				Latency: map[string]*result.Latency{
					"delivery": {N: 10_000, P50us: 500, P99us: 1000}, "fanout.last": {N: 1000, P50us: 900, P99us: 2000},
				},
			})
		}
	}
	return r
}
