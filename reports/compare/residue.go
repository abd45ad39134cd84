package compare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// residue lists what differs between the sides besides what is compared. Between cells of one run
// nothing else can, and every setting that differs follows from the axis; of two builds it says
// which they were.
func residue(p *Pair, axes []string) []Difference {
	d := differences{all: []Difference{}}
	if len(p.base.all) == 0 || len(p.new.all) == 0 {
		return d.all
	}
	if sameRun(p.base.run, p.new.run) {
		d.add(result.SettingBuild, p.base.all[0].Settings[result.SettingBuild], p.new.all[0].Settings[result.SettingBuild])
		return d.all
	}
	a, b := p.base.run, p.new.run
	d.add("scenario", a.Scenario, b.Scenario)
	if env := a.Env["commit"] + b.Env["commit"]; env == "" || a.Env["commit"] == b.Env["commit"] {
		d.add("throng", a.Throng, b.Throng) // else the commits say it better
	}
	d.add("seed", strconv.FormatUint(a.Seed, 10), strconv.FormatUint(b.Seed, 10))
	d.addMap(a.Env, b.Env, []string{"throng"})
	x, y := p.base.all[0], p.new.all[0]
	all := func(c *result.Cell) map[string]string {
		m := maps.Clone(c.Settings)
		if m == nil {
			m = map[string]string{}
		}
		maps.Copy(m, c.Params)
		return m
	}
	d.addMap(all(x), all(y), axes)
	d.add("clients", layout.Count(x.Clients.Asked), layout.Count(y.Clients.Asked))
	d.add("recorded", layout.Seconds(x.Seconds), layout.Seconds(y.Seconds))
	if o, n := x.Rates.OfferedPerS, y.Rates.OfferedPerS; math.Abs(n-o) > 0.01*math.Max(o, n) {
		d.add("offered", layout.Significant(o)+"/s", layout.Significant(n)+"/s")
	}
	d.add("phases", phasesText(x), phasesText(y))
	d.add("checks", checksText(x), checksText(y))
	d.add("server", serverText(x), serverText(y))
	d.add("client and server", machineText(x), machineText(y))
	return d.all
}

type differences struct{ all []Difference }

func (d *differences) add(what, base, new string) {
	if base != new && !slices.ContainsFunc(d.all, func(o Difference) bool { return o.What == what }) {
		d.all = append(d.all, Difference{what, cmp.Or(base, layout.None), cmp.Or(new, layout.None)})
	}
}

func (d *differences) addMap(base, new map[string]string, except []string) {
	keys := maps.Clone(base)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, new)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(except, k) {
			d.add(strings.ReplaceAll(k, "_", " "), base[k], new[k])
		}
	}
}

func phasesText(c *result.Cell) string {
	var parts []string
	for _, p := range c.Phases {
		parts = append(parts, fmt.Sprintf("%s %.0f"+layout.Nbsp+"s", p.Name, p.EndS-p.StartS))
	}
	return strings.Join(parts, ", ")
}

// checksText lists the rules of the scenario: what else was broken is a result, and no setup.
func checksText(c *result.Cell) string {
	var parts []string
	for i := range c.Checks {
		if k := &c.Checks[i]; !k.Implied {
			parts = append(parts, k.Text)
		}
	}
	return strings.Join(parts, ", ")
}

func serverText(c *result.Cell) string {
	if c.Server.BuiltIn || c.Server.Target == "" {
		return "built in"
	}
	return c.Server.Target
}

func machineText(c *result.Cell) string {
	if c.Server.SameMachine {
		return "on one machine"
	}
	return "on different machines"
}
