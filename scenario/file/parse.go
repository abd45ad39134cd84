package file

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Parse reads a scenario. The name stands in errors; set holds overrides: a variable of the file
// (viewers=5000) or a path into it (phases.hold.for=5s, groups.speaker.send.0.rate=20/s). A value
// that starts with [ or { is YAML. secret names variables of the file whose values must not be
// written anywhere: see Secrets. The error joins one *Error for each mistake, in the order of the
// file.
func Parse(name string, text []byte, set map[string]string, secret ...string) (*File, error) {
	return parse(name, string(text), reading{set: maps.Clone(set), secret: slices.Clone(secret)}, nil)
}

// A reading says how a text is read.
type reading struct {
	set      map[string]string // overrides
	secret   []string          // variables that must not be written
	foreign  bool              // see Foreign
	replaced bool              // --set names another server than the built-in one of the file
	unset    bool              // environment variables need not be set: nothing will run
	packed   *Packed           // of another process, with its environment; nil: of this one
	expanded int               // bytes of all values with their variables, so far
}

// hidden reports whether the value of an override must not be written.
func (r *reading) hidden(key string) bool {
	return slices.Contains(r.secret, strings.TrimPrefix(key, "vars."))
}

// parse reads a scenario; with a trial, the scenario at one level of a search.
func parse(name, text string, how reading, trial *searchTrial) (*File, error) {
	errs := &errorList{file: name}
	how.expanded = 0
	root := load(errs, text, "")
	if root == nil || root.kind != dict {
		if other := Other(name, text); other != nil {
			return nil, errors.Join(other)
		}
	}
	if root == nil {
		return nil, errs.join(1)
	}
	root = override(errs, root, &how)
	if root.kind != dict {
		hint := "start with version: 1, name: and groups:"
		if glued := reGlued.FindStringSubmatch(root.text); glued != nil && !root.quoted {
			hint = fmt.Sprintf("put a space behind each colon, as in %s: 1", glued[1])
		}
		errs.add(root.at, "a scenario is a mapping of keys to values, not "+root.describe(), hint)
		return nil, errs.join(1)
	}
	if other := otherTree(name, root); other != nil {
		return nil, errors.Join(other)
	}
	var left []string
	switch {
	case how.foreign:
		root, left = withoutBuiltIn(root)
	case replaced(root):
		how.replaced = true
		root, left = withoutSettings(root)
	}
	defs := declare(errs, root.get("vars"))
	checkSecrets(errs, how.secret, defs)
	m := &matrix{repeat: 1, order: "interleaved"}
	hasMatrix := root.get("matrix") != nil && !root.get("matrix").null
	if hasMatrix {
		matrixTable.decode(newDecoder(errs, root, defs, &how), root.get("matrix"), m)
	}
	specs := expand(errs, root, defs, &how, m, trial)
	if err := errs.join(len(specs)); err != nil {
		return nil, err
	}
	alikeLinks(specs)

	f := &File{Name: name, Spec: specs[0], Repeat: m.repeat, Order: m.order, Cooldown: m.cooldown, LeftOut: left}
	for _, a := range m.axes {
		f.Axes = append(f.Axes, Axis{a.name, a.texts})
	}
	f.cells = m.schedule(specs)
	f.text, f.how, f.trial = text, how, trial
	for _, s := range specs {
		if t := s.Target; t != nil && t.TLS != nil && how.packed == nil { // an agent is sent the file
			t.TLS.CA = f.find(t.TLS.CA)
		}
	}
	if trial == nil && f.Spec.Search != nil {
		f.checkSearch(root, errs)
		if err := errs.join(len(specs)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func newDecoder(errs *errorList, root *node, defs map[string]*node, how *reading) *decoder {
	d := &decoder{
		errs: errs, places: map[string]*node{}, opUses: map[string][]ColumnUse{},
		vars: &variables{
			defs: defs, values: map[string]*value{}, broken: map[string]bool{}, used: map[string]bool{}, secret: map[string]bool{},
			secrets: &Secrets{values: map[string]Datum{}, masks: &masks{}}, how: how,
		},
	}
	d.stepsOf, d.homes = d.steps, homes()
	for _, name := range how.secret {
		d.vars.secret[name] = true
	}
	for _, e := range root.get("counters").entries() {
		d.vars.counters = append(d.vars.counters, e.key)
	}
	for _, e := range root.get("data").entries() {
		d.vars.feeders = append(d.vars.feeders, e.key)
		if each := e.val.get("each"); each != nil && each.text == EachMessage {
			d.vars.rows = append(d.vars.rows, e.key)
		}
	}
	for _, e := range root.get("audiences").entries() {
		d.vars.audiences = append(d.vars.audiences, e.key)
	}
	for _, e := range root.get("groups").entries() {
		d.groups = append(d.groups, e.key)
	}
	if phases := root.get("phases"); phases != nil {
		for _, p := range phases.items {
			if v := p.get("name"); v != nil && v.kind == scalar {
				d.phases = append(d.phases, v.text)
			}
		}
	} else {
		d.phases = []string{"ramp", "warm", "hold"}
	}
	return d
}

// expand decodes the tree once for each combination.
func expand(errs *errorList, root *node, defs map[string]*node, how *reading, m *matrix, trial *searchTrial) []*Spec {
	all := &masks{}
	used := map[string]bool{}
	var specs []*Spec
	for _, pick := range m.combinations() {
		cellDefs := maps.Clone(defs)
		var params, words map[string]string
		for i, a := range m.axes {
			cellDefs[axisPrefix+a.name] = a.values[pick[i]]
			put(&params, a.name, a.texts[pick[i]])
			if w := a.words[pick[i]]; w != "" {
				put(&words, a.name, w)
			}
		}
		errs.cell = m.describe(pick)
		d := newDecoder(errs, root, cellDefs, how)
		d.vars.secrets.masks = all
		for _, name := range m.broken {
			d.vars.values[axisPrefix+name], d.vars.broken[axisPrefix+name] = &value{parts: []string{""}}, true
		}
		spec := d.spec(root, params, trial)
		spec.ParamNames = words
		specs = append(specs, spec)
		maps.Copy(used, d.vars.used)
		if how.expanded > maxExpandedAll { // further ones would lack values that they have
			errs.cell = ""
			return specs
		}
	}
	errs.cell = ""
	for _, a := range m.axes {
		if len(specs) == 0 || used[axisPrefix+a.name] {
			continue
		}
		switch {
		case !how.replaced:
			errs.add(a.at, fmt.Sprintf("the axis `%s` changes nothing", a.name), fmt.Sprintf("use it as ${matrix.%s} somewhere, or remove it", a.name))
		case len(a.values) > 1:
			errs.add(a.at, fmt.Sprintf("the axis `%s` changes only the built-in server, and the target is another one: its trials would be alike", a.name), fmt.Sprintf("give it one value, such as --set 'matrix.axes.%s=[%s]'", a.name, a.texts[0]))
		}
	}
	return specs
}

func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

func (d *decoder) spec(root *node, params map[string]string, trial *searchTrial) *Spec {
	before := d.errs.hits
	root = withReplays(root)
	s := &Spec{Seed: 1, Params: params, Report: reportTable.start()}
	for _, name := range slices.Sorted(maps.Keys(d.vars.defs)) {
		d.vars.expand(d.errs, d.vars.defs[name], varScope) // mistakes also of unused ones
	}
	clear(d.vars.used)
	d.protocol = d.protocolOf(root)
	if n := root.get("contract"); n != nil && !n.null {
		d.places["contract"] = n
		d.contract = decoded(d, n, &contractTable)
	}
	if n := root.get("network"); n != nil && !n.null {
		s.Network = d.network(n, &conditionTable, nil)
	}
	specTable.decode(d, root, s)
	finishData(d, root, s)
	if len(d.vars.secrets.values) > 0 {
		s.Secrets = d.vars.secrets
	}
	d.checkTargets(root, s)
	if s.Server != nil && s.Target != nil {
		d.errs.add(at(root, "target"), "a scenario has a server or a target, not both", "remove one")
	}
	if s.Server == nil && s.Target == nil {
		server := serverTable.start()
		s.Server = &server
	}
	s.speak()
	if root.get("phases") == nil {
		s.Phases = defaultPhases(s)
	}
	if root.get("valid") == nil {
		s.Valid = defaultValid(s)
	}
	if d.errs.hits == before && trial != nil && s.Search != nil {
		trial.shape(s, root.get("phases") != nil)
	}
	if d.errs.hits == before {
		d.together(root, s)
	}
	return s
}

// defaultPhases is a ramp that leaves every group the time to connect, two
// seconds of load to warm up, and 30 seconds that count.
func defaultPhases(s *Spec) []Phase {
	seconds := 5.0
	for _, g := range s.Groups {
		seconds = max(seconds, math.Ceil(connectTime(g, 1).Seconds())+1)
	}
	return []Phase{
		{Name: "ramp", For: time.Duration(seconds) * time.Second, Clients: Ramp{0, 1}, Load: Ramp{0, 0}},
		{Name: "warm", For: 2 * time.Second, Clients: Ramp{1, 1}, Load: Ramp{1, 1}},
		{Name: "hold", For: 30 * time.Second, Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}},
	}
}

// defaultValid holds the rules that a generator must keep for a valid run. A scenario that sends
// nothing has no schedule to be late with.
func defaultValid(s *Spec) []Check {
	valid := []Check{
		{Text: "p99(lag) < 25ms", Kind: Valid, Stat: "p99", Quantile: 99, Metric: "lag", Op: "<", Value: 0.025, Unit: UnitSeconds},
		{Text: "max(cpu) < 90%", Kind: Valid, Stat: "max", Metric: "cpu", Op: "<", Value: 0.9, Unit: UnitShare},
		{Text: "achieved(rate) > 99%", Kind: Valid, Stat: "achieved", Metric: "rate", Op: ">", Value: 0.99, Unit: UnitShare},
	}
	if !slices.ContainsFunc(s.Groups, func(g Group) bool { return len(g.Send) > 0 }) {
		return valid[1:2]
	}
	return valid
}

// checkRecovery refuses a recovery that never could happen.
func (d *decoder) checkRecovery(root *node, s *Spec) {
	for _, g := range s.Groups {
		if g.Reconnect == nil || !g.Reconnect.Recover {
			continue
		}
		where := at(root.get("groups").get(g.Name).get("reconnect"), "recover")
		switch {
		case s.Server != nil && s.Server.Duration("recovery") == 0:
			d.errs.add(where, "the built-in server has connection state recovery switched off", "add server: {recovery: 1m}, or remove recover")
		case g.Parser != "" && g.Parser != "json":
			d.errs.add(where, "recovery of the same socket works only with the json parser", "remove recover, or parser")
		}
	}
}

// setCapacity gives groups of arriving clients a count that they stay below. With random arrivals
// and any distribution of stays, the number present is Poisson distributed, so six standard
// deviations above the mean are practically never reached.
func setCapacity(s *Spec) {
	share, total := 0.0, 0.0
	for _, p := range s.Phases {
		share, total = max(share, p.Clients.From, p.Clients.To), total+p.For.Seconds()
	}
	for i := range s.Groups {
		if g := &s.Groups[i]; g.Arrive > 0 {
			n := g.Arrive * share * min(g.Life.Mean(), total)
			g.Count = int(min(n+6*math.Sqrt(n)+10, 2*maxClients))
		}
	}
}

// connectTime is how long a group needs to bring that share of its clients up.
func connectTime(g Group, share float64) time.Duration {
	if g.Connect.Shape == "burst" || g.Connect.Rate <= 0 || g.Arrive > 0 {
		return 0
	}
	return time.Duration(float64(g.Count) * share / g.Connect.Rate * float64(time.Second))
}

// together checks the rules that concern the whole scenario.
func (d *decoder) together(root *node, s *Spec) {
	setCapacity(s)
	clients, total := 0, time.Duration(0)
	for _, g := range s.Groups {
		clients += g.Count
	}
	groupsAt := at(root, "groups")
	switch {
	case clients == 0:
		d.errs.add(groupsAt, "no group has a client", "give one a count above 0")
	case clients > maxClients:
		d.errs.add(groupsAt, fmt.Sprintf("the groups have %d clients together", clients), "keep to "+formatCount(maxClients))
	}
	for _, p := range s.Phases {
		total += p.For
		if total > maxTotal {
			d.errs.add(at(root, "phases"), "the phases take more than "+formatDuration(maxTotal)+" together", "shorten them")
			break
		}
	}
	d.checkFaults(root, s)
	d.checkNetwork(root, s)
	d.checkRecovery(root, s)
	d.checkAudiences(s)
	d.checkPeers(s)
	d.checkReplays(s)
	d.checkWires(s)
	d.checkWebTransport(s)
	d.checkCompression(s)
	d.checkRoommates(s)
	d.checkEngine(s)
	d.checkFrames(root, s)
	for _, g := range s.Groups {
		d.checkRamp(s, g)
		for i := range g.Send {
			st := &g.Send[i]
			if !st.Sizes.IsZero() {
				st.Size = bytesWithin(st.Sizes.Mean(), s.Largest())
			}
			if most := s.Server.largest(); s.Server != nil && st.Size > most {
				item := d.places["group "+g.Name].get("send").items[i]
				d.errs.add(at(item, "size"), fmt.Sprintf("the built-in server takes messages up to %s, this has %s", FormatSize(float64(most)), FormatSize(float64(st.Size))), "write a smaller size, or server: {max_payload: ...}")
			}
		}
	}
	for _, pair := range []struct {
		key    string
		checks []Check
	}{{"slo", s.SLO}, {"valid", s.Valid}} {
		if n := root.get(pair.key); n != nil {
			for i, c := range pair.checks {
				d.checkLabels(s, n.items[i], c)
			}
		}
	}
}

// checkRamp refuses a ramp that cannot be met: the first recorded phase would
// start with clients missing, and the run would be about something else.
func (d *decoder) checkRamp(s *Spec, g Group) {
	var elapsed time.Duration
	share := 0.0
	for _, p := range s.Phases {
		if p.Record {
			break
		}
		elapsed += p.For
		share = p.Clients.To
	}
	if elapsed == 0 {
		return // the phases record the arrival itself
	}
	need := connectTime(g, share)
	if need <= elapsed {
		return
	}
	n := d.places["group "+g.Name]
	where := n.at
	if c := n.get("connect"); c != nil {
		where = at(c, "rate")
	}
	d.errs.add(where, fmt.Sprintf("the group %s needs %s to connect %d clients at %s/s, but the phases before the first recorded one last %s",
		g.Name, formatDuration(need.Round(100*time.Millisecond)), int(float64(g.Count)*share), trimmed(g.Connect.Rate), formatDuration(elapsed)),
		"raise connect.rate or lengthen the ramp")
}
