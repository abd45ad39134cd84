package scenario

import (
	"net/url"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// config returns the client's connection settings, the session it resumes, and its reading speed.
func (a *actor) config() *client.Config {
	cfg := a.group.config(a.user, a.number, a.transport)
	cfg.Via = a.t.links.via(a.node)
	a.t.links.through(cfg, int(a.id), a.node)
	if a.node > 0 {
		cfg.URL = a.t.server.urls[a.node]
	}
	if a.group.own != nil {
		a.space, a.head = cfg.Namespace, headOf("2", cfg.Namespace)
	}
	if a.isTraced() {
		cfg.Joining = a.traceJoining
	}
	if a.session != nil {
		cfg.Recover = *a.session
	}
	if !a.slow {
		if a.t.stalls() {
			cfg.Slow = &client.Slow{}
		}
		return cfg
	}
	r := a.group.spec.Read
	cfg.Slow = &client.Slow{Rate: r.Rate, Stall: r.Stall, Every: r.Every}
	if r.Every > 0 {
		// Each has a phase of its own, or all would stall in the same moment.
		cfg.Slow.First = time.Duration(plan.Unit(plan.Draw(a.t.spec.Seed, plan.ForStall, uint64(a.id), 0, 0)) * float64(r.Every))
	}
	return cfg
}

// config says how a client connects to the first target, whose number and values fill the
// templates.
func (g *group) config(p *user, number, transport int) *client.Config {
	cfg := g.configs[transport]
	cfg.Jar, cfg.Tickets = &p.jar, &p.tickets
	fill := filling{group: g, client: number, captured: p.values()}
	if g.own != nil {
		cfg.Namespace = string(g.own.append(nil, &fill))
	}
	if g.auth != nil {
		if cfg.Auth = g.auth.append(nil, &fill); g.frames != nil { // the first frame
			cfg.Auth, cfg.Hello = nil, cfg.Auth
		}
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
		cfg.LocalAddr = g.from[number%len(g.from)]
	}
	return &cfg
}
