package scenario

import (
	"net/url"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// config returns the client's connection settings, the session it resumes, and its reading speed.
func (a *actor) config() *client.Config {
	cfg := a.group.config(a.number, a.transport)
	if a.isTraced() {
		own := *cfg
		own.Joining = a.traceJoining
		cfg = &own
	}
	stalls := a.t.stalls()
	if !a.slow && !stalls && a.session.PID == "" {
		return cfg
	}
	r, own := a.group.spec.Read, *cfg
	own.Recover = a.session
	if !a.slow {
		if stalls {
			own.Slow = &client.Slow{}
		}
		return &own
	}
	own.Slow = &client.Slow{Rate: r.Rate, Stall: r.Stall, Every: r.Every}
	if r.Every > 0 {
		// Each has a phase of its own, or all would stall in the same moment.
		own.Slow.First = time.Duration(plan.Unit(plan.Draw(a.t.spec.Seed, plan.ForStall, uint64(a.id), 0, 0)) * float64(r.Every))
	}
	return &own
}

// config says how a client connects, whose number fills the templates. Clients share it as
// far as they are alike.
func (g *group) config(index, transport int) *client.Config {
	shared := &g.configs[transport]
	if g.auth == nil && len(g.query) == 0 && len(g.headers) == 0 && len(g.from) == 0 {
		return shared
	}
	cfg := *shared
	fill := filling{group: g, client: index}
	if g.auth != nil {
		cfg.Auth = g.auth.append(nil, &fill)
	}
	if len(g.query) > 0 {
		cfg.Query = url.Values{}
		for _, f := range g.query {
			cfg.Query.Add(f.name, string(f.append(nil, &fill)))
		}
	}
	if len(g.headers) > 0 {
		cfg.Header = map[string][]string{}
		for _, f := range g.headers {
			cfg.Header[f.name] = append(cfg.Header[f.name], string(f.append(nil, &fill)))
		}
	}
	if len(g.from) > 0 {
		cfg.LocalAddr = g.from[index%len(g.from)]
	}
	return &cfg
}
