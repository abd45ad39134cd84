package scenario

import (
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/result"
)

// usage is what the agents used in the open second: see collector.ownUse.
func (q *coordinator) usage() (cpu time.Duration, share float64, now usage) {
	for _, p := range q.open {
		cpu += time.Duration(p.use.cpuTime)
		share = max(share, p.use.cpu)
	}
	for _, a := range q.agents {
		if a.last != nil && (a.lost == nil || len(a.queue) > 0) {
			now.add(a.last.use.held())
		}
	}
	return cpu, share, now
}

// serverUse is what the server had used at the end of the open second.
func (q *coordinator) serverUse() serverUse {
	if q.second < len(q.use) {
		return q.use[q.second]
	}
	return q.c.serverNow()
}

// pause is the longest of the agents' garbage collectors in the open second.
func (q *coordinator) pause() (longest time.Duration) {
	for _, p := range q.open {
		longest = max(longest, time.Duration(p.use.pause))
	}
	return longest
}

// soFar is the account so far, and how many deliveries are missing past their late limit.
func (q *coordinator) soFar() (rows [][]ledger.Row, missing int64) {
	for _, a := range q.agents {
		if a.last != nil {
			missing += a.last.overdue
		}
	}
	old := int((q.t.now() - int64(q.t.recent())) / int64(time.Second))
	for i := range q.live {
		q.live[i].Fold(old)
		rows = append(rows, q.live[i].Unsorted())
	}
	return rows, missing
}

// account is the account of the whole trial: of an agent that was lost, as far as it got. It is
// called once, in the end.
func (q *coordinator) account() (out [][]ledger.Row) {
	all := make(account, len(q.t.streams))
	for _, a := range q.agents {
		q.completeLost(a)
		for stream := range a.rows {
			rows := a.rows[stream].Rows()
			for i := range rows {
				all[stream].Add(&rows[i])
			}
		}
	}
	for stream := range all {
		out = append(out, all[stream].Rows())
	}
	return out
}

// health is how the agents did, in their order.
func (q *coordinator) health() (out []result.Agent) {
	latest := q.t.opt.Fleet.Agents()
	for _, a := range q.agents {
		about, h := a.about, a.health
		if i := slices.IndexFunc(latest, func(x result.Agent) bool { return x.Name == about.Name }); i >= 0 {
			about.OffsetUs, about.BoundUs = latest[i].OffsetUs, latest[i].BoundUs
		}
		if a.last != nil {
			h.Asked = int(a.last.now.asked)
		}
		h.Held = int(a.atEnd.held)
		if a.lag.TotalCount() > 0 {
			h.Lag = result.FromHistogram(a.lag)
		}
		if a.reads.TotalCount() > 0 {
			h.LagReceive = result.FromHistogram(a.reads)
		}
		for _, v := range a.cpus {
			h.CPUMean += v / float64(len(a.cpus))
		}
		if a.lost != nil {
			at := float64(a.lostAt) / 1e9
			h.LostAtS, h.Lost = &at, q.t.spec.Secrets.Mask(a.lost.Error())
		}
		about.Health = &h
		out = append(out, about)
	}
	return out
}

// trends are those of what each agent's process had.
func (q *coordinator) trends() (out []result.Trend) {
	for _, a := range q.agents {
		own := judge.Evidence{Timeline: q.t.tl, Seconds: a.held}
		for _, t := range own.Trends() {
			t.Agent = a.about.Name
			out = append(out, t)
		}
	}
	return out
}

// evidence is on the agents' fitness.
func (q *coordinator) evidence() (out []judge.Agent) {
	for _, a := range q.agents {
		out = append(out, judge.Agent{Name: a.about.Name, Lag: a.lag, LagReceive: a.reads, CPUMax: a.health.CPUMax})
	}
	return out
}
