package draft

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/internal/recorded"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// Options say what a draft is of.
type Options struct {
	Name   string // of the scenario: a-z, 0-9 and -; "" = recorded
	Source string // where the traffic was seen, for the comment at the top
	Target string // URL of the server; without credentials and query
	Path   string // Engine.IO path; "" = /socket.io/
	Log    string // name of the log beside the scenario that replays it
}

// A Draft is what an observer has concluded. It is made once, when the traffic is over.
type Draft struct {
	o   *Observer
	c   *conclusion
	opt Options
}

// Draft concludes. The observer must not be used any more.
func (o *Observer) Draft(opt Options) *Draft {
	o.mu.Lock()
	defer o.mu.Unlock()
	opt.Name, opt.Log = cmp.Or(opt.Name, "recorded"), cmp.Or(opt.Log, "trace.csv")
	return &Draft{o: o, c: o.conclude(), opt: opt}
}

// Empty reports whether no client was seen.
func (d *Draft) Empty() bool {
	return !slices.ContainsFunc(d.o.clients, func(c *Client) bool { return len(c.spaces) > 0 })
}

// Left says in words what was left out; nil when nothing was.
func (d *Draft) Left() (list []string) {
	if d.o.beyond > 0 {
		list = append(list, fmt.Sprintf("%d clients and messages beyond the limits were passed on and not recorded", d.o.beyond))
	}
	if d.o.errors > 0 {
		list = append(list, fmt.Sprintf("%d packets could not be read as Socket.IO", d.o.errors))
	}
	unnamed := 0
	for _, r := range d.o.rows {
		if r.event >= 0 {
			if op := d.c.of[r.event]; op.room >= 0 && r.words[op.room] < 0 {
				unnamed++
			}
		}
	}
	if unnamed > 0 {
		list = append(list, fmt.Sprintf("%d messages named no room, and others of their kind did", unnamed))
	}
	return list
}

// WriteLog writes the messages as a recorded log, in order of time.
func (d *Draft) WriteLog(out io.Writer) error {
	w, err := recorded.NewWriter(out, false)
	if err != nil {
		return err
	}
	rows := d.o.rows
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].at < rows[j].at })
	for i := range rows {
		r := &rows[i]
		row := recorded.Row{At: r.at, User: fmt.Sprintf("u%d", r.client+1), Event: "connect"}
		if r.event >= 0 {
			op := d.c.of[r.event]
			row.Event, row.Size = cmp.Or(op.op, "join"), int(r.size)
			switch op {
			case d.c.join:
				row.Size = 0
			case d.c.leave:
				row.Event, row.Size = "leave", 0
			}
			if op.room >= 0 {
				if r.words[op.room] < 0 {
					continue // it names no room: counted in Left
				}
				row.Room = d.o.wordList[r.words[op.room]]
			}
			if op.payload >= 0 {
				row.Size = int(r.sizes[op.payload])
			}
		}
		if err := w.Write(&row); err != nil {
			return err
		}
	}
	return w.Flush()
}

// A page is a scenario that is being written.
type page struct {
	strings.Builder
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// Scenario returns a scenario with the rates and sizes that were seen.
func (d *Draft) Scenario() []byte {
	p := &page{}
	d.head(p, "Drafted from traffic: contract, groups, rates and sizes. Read it, correct it, and run throng check on it.", d.opt.Name)
	d.contract(p)
	p.line("groups:")
	for _, g := range d.o.populations(d.c) {
		d.group(p, g)
	}
	d.phases(p, min(max(d.length(), 10*time.Second), 10*time.Minute))
	return []byte(p.String())
}

// Replay returns a scenario that plays the log.
func (d *Draft) Replay() []byte {
	p := &page{}
	d.head(p, "Plays the recorded log "+d.opt.Log+" in its own time; speed: 2x plays it faster.", d.opt.Name+"-replay")
	d.contract(p)
	p.line("groups:")
	g := &population{name: "people"}
	for _, c := range d.o.clients {
		if len(c.spaces) > 0 {
			g.merge(&population{ids: []int32{c.id}, spaces: c.spaces})
		}
	}
	d.client(p, g)
	d.replays(p)
	d.phases(p, min(d.length().Truncate(time.Second)+2*time.Second, maxHold))
	return []byte(p.String())
}

// replays writes what plays the log: one stream for all operations or, where only some are
// acknowledged, one for each.
func (d *Draft) replays(p *page) {
	if len(d.c.ops) == 0 {
		return
	}
	p.line("    send:")
	acked := func(op *operation) bool { return op.acked }
	if !slices.ContainsFunc(d.c.ops, acked) {
		p.line("      - {replay: %s, speed: 1x, clients: by user}", yamltext.Quote(d.opt.Log))
		return
	}
	for _, op := range d.c.ops {
		p.line("      - {op: %s, replay: %s, speed: 1x, clients: by user%s}", op.op, yamltext.Quote(d.opt.Log), optional(", ack: 5s", op.acked))
	}
}

// maxHold is the longest phase of a scenario.
const maxHold = 7 * 24 * time.Hour

func (d *Draft) length() time.Duration {
	if len(d.o.rows) == 0 {
		return 0
	}
	last := time.Duration(0)
	for i := range d.o.rows {
		last = max(last, d.o.rows[i].at)
	}
	return last
}

// head writes the comments and the keys before the contract.
func (d *Draft) head(p *page, what, name string) {
	p.line("# %s", what)
	if d.opt.Source != "" {
		p.line("# Source: %s.", printable(d.opt.Source))
	}
	p.line("# Cookies, and the values of auth, query and headers, are not in this file.")
	for _, line := range d.Left() {
		p.line("# Left out: %s.", line)
	}
	if d.o.cookies {
		p.line("# Clients sent cookies; before: can fetch them, and keeps them for the client.")
	}
	if len(d.o.requests) > 0 {
		p.line("# Requests beside the sockets, which before: or steps of a flow may have to send:")
		for _, r := range d.o.requests[:min(len(d.o.requests), 20)] {
			p.line("#   %s", r)
		}
	}
	p.line("version: 1")
	p.line("name: %s", name)
	p.line("target: {url: %s%s}", yamltext.Text(d.opt.Target), optional(", path: %s", d.opt.Path != "" && d.opt.Path != "/socket.io/", yamltext.Text(d.opt.Path)))
	if names := d.secrets(); len(names) > 0 {
		p.line("")
		p.line("# Credentials of the clients. Give them at the run: --set 'NAME=${env.NAME}', or a column of a data file.")
		p.line("vars:")
		for _, n := range names {
			p.line("  %s: set-me", n)
		}
	}
	p.line("")
}

func optional(format string, is bool, args ...any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// secretName is the variable that stands for a value that was not kept.
func secretName(key string) string {
	name := strings.ReplaceAll(slug(key, "value"), "-", "_")
	if slices.Contains([]string{"matrix", "client", "room", "seq", "payload", "stamp", "group", "event", "env", "loop", "now", "uuid", "random", "pick", "peer"}, name) {
		return name + "_value"
	}
	return name
}

// secrets are the variables that the draft names.
func (d *Draft) secrets() (names []string) {
	add := func(key string) {
		if n := secretName(key); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, c := range d.o.clients {
		for _, list := range [][]string{c.auth, c.query, c.headers} {
			for _, k := range list {
				add(k)
			}
		}
	}
	for _, op := range d.c.of {
		op.literals(func(path string, _ any) { add(lastWord(path)) })
	}
	return names
}

// lastWord is the last key of a path that is a word, for a name.
func lastWord(path string) string {
	parts := strings.Split(path, "/")
	for _, p := range slices.Backward(parts) {
		if _, err := strconv.Atoi(p); err != nil && p != "" {
			return p
		}
	}
	return "secret"
}

// literals calls f for each value of the sample that may be a credential and stays the same.
func (op *operation) literals(f func(path string, v any)) {
	walk("", op.sample, func(path string, v any) any {
		if op.isSecret(path, v) {
			f(path, v)
		}
		return v
	})
}

func (op *operation) isSecret(path string, v any) bool {
	return !op.holds(op.room, path) && !op.holds(op.payload, path) && !op.varies[path] && !op.odd && v != nil && secret(op.name, path, v)
}

// holds reports whether a place of a text has that path.
func (op *operation) holds(at int, path string) bool { return at >= 0 && op.texts[at].path == path }

// emit writes the event and its arguments.
func (op *operation) emit() string {
	list := []any{op.name}
	for i, arg := range op.sample {
		if op.odd {
			list = append(list, hollow(arg))
			continue
		}
		list = append(list, walk("/"+strconv.Itoa(i), arg, func(path string, v any) any {
			switch text, isText := v.(string); {
			case op.holds(op.room, path):
				return yamltext.Template("${room}")
			case op.holds(op.payload, path):
				return yamltext.Template("${payload}")
			case op.isSecret(path, v):
				return yamltext.Template("${" + secretName(lastWord(path)) + "}")
			case op.varies[path] && isText && op.n > 1, isText && op.n == 1, isText && len(text) > 64:
				return "text"
			case op.varies[path] && secret(op.name, path, v), op.n == 1 && long(v):
				return 0
			}
			return v
		}))
	}
	return yamltext.Flow(list)
}

// long reports whether a value is a number with so many digits that it may be a code, or an id.
func long(v any) bool {
	n, is := v.(json.Number)
	return is && len(n) > 3
}

// hollow is a value of the same kind that says nothing: of messages with several forms the first is
// not written.
func hollow(v any) any {
	switch v.(type) {
	case []any:
		return []any{}
	case map[string]any:
		return map[string]any{}
	case string:
		return "text"
	case bool, nil:
		return v
	}
	return 0
}

// contract writes what clients can ask of the server.
func (d *Draft) contract(p *page) {
	if len(d.c.of) == 0 {
		return
	}
	p.line("contract:")
	for _, call := range []struct {
		key string
		op  *operation
	}{{"join", d.c.join}, {"leave", d.c.leave}} {
		if call.op != nil {
			p.line("  %s: {emit: %s%s}", call.key, call.op.emit(), optional(", ack: true", call.op.acked))
		}
	}
	if len(d.c.ops) == 0 {
		p.line("")
		return
	}
	p.line("  operations:")
	first := d.first()
	for _, op := range d.c.ops {
		if op.doubt != "" {
			p.line("    # %s: %s.", op.op, op.doubt)
		}
		if op.binary > 0 {
			p.line("    # %s: %d of its %d messages had binary attachments, which are not drafted.", op.op, op.binary, op.n)
		}
		to := op.to
		switch {
		case to == "room" && (d.c.join == nil || op.namespace != d.c.join.namespace):
			to = "none"
		case to == "room" && op.others:
			to = "{room: true, others: true}"
		}
		p.line("    %s: {emit: %s, to: %s%s%s%s}", op.op, op.emit(), to,
			optional(", deliver: %s", to != "none" && op.deliver != "", yamltext.Text(op.deliver)),
			optional(", ack: true", op.acked), optional(", namespace: %s", op.namespace != first, yamltext.Text(op.namespace)))
	}
	p.line("")
}

// first is the namespace that groups have first: of rooms, or else the one that most events are in.
func (d *Draft) first() string {
	if d.c.join != nil {
		return d.c.join.namespace
	}
	n := map[string]int{}
	for _, c := range d.o.clients {
		for _, s := range c.spaces {
			n[s]++
		}
	}
	best := "/"
	for s, k := range n {
		if k > n[best] || k == n[best] && s < best {
			best = s
		}
	}
	return best
}

// client writes a group up to what it sends. The namespaces of all operations that it can send are
// in it.
func (d *Draft) client(p *page, g *population) {
	p.line("  %s:", g.name)
	p.line("    count: %d", max(1, len(g.ids)))
	shares := map[string]int{}
	var auth, query, headers []string
	msgpack := false
	for _, id := range g.ids {
		c := d.o.clients[id]
		shares[c.transport]++
		msgpack = msgpack || c.msgpack
		for _, x := range []struct{ to, from *[]string }{{&auth, &c.auth}, {&query, &c.query}, {&headers, &c.headers}} {
			for _, k := range *x.from {
				if !slices.Contains(*x.to, k) {
					*x.to = append(*x.to, k)
				}
			}
		}
	}
	p.line("    transport: %s", transport(shares, len(g.ids)))
	spaces := slices.Clone(g.spaces)
	slices.Sort(spaces)
	if first := d.first(); !slices.Contains(spaces, first) && (d.c.join != nil || len(spaces) == 0) {
		spaces = append(spaces, first)
	}
	slices.SortStableFunc(spaces, func(a, b string) int {
		return map[bool]int{true: 0, false: 1}[a == d.first()] - map[bool]int{true: 0, false: 1}[b == d.first()]
	})
	if len(spaces) > 1 || spaces[0] != "/" {
		p.line("    namespace: %s", yamltext.Flow(anyList(spaces)))
	}
	if msgpack {
		p.line("    parser: msgpack")
	}
	for _, x := range []struct {
		key   string
		names []string
	}{{"auth", auth}, {"query", query}, {"headers", headers}} {
		if len(x.names) == 0 {
			continue
		}
		values := map[string]any{}
		for _, n := range x.names {
			values[n] = yamltext.Template("${" + secretName(n) + "}")
		}
		p.line("    %s: %s", x.key, yamltext.Flow(values))
	}
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// transport writes one transport, or shares that sum to 100 %.
func transport(n map[string]int, all int) string {
	names := make([]string, 0, len(n))
	for name := range n {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(names) == 1 {
		return names[0]
	}
	left, parts := 100, []string{}
	for i, name := range names {
		share := int(math.Round(100 * float64(n[name]) / float64(max(all, 1))))
		if i == len(names)-1 {
			share = left
		}
		share = min(max(share, 1), left-(len(names)-1-i))
		left -= share
		parts = append(parts, fmt.Sprintf("%s: %d%%", name, share))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// group writes a group with its rates.
func (d *Draft) group(p *page, g *population) {
	d.client(p, g)
	needsRooms := d.c.join != nil && (len(g.ops) == 0 || slices.ContainsFunc(g.ops, func(op *operation) bool { return op.room >= 0 }) || d.joined(g) > 0)
	if needsRooms {
		of := max(1, len(d.c.rooms))
		p.line("    rooms: {of: %d, join: %d}", of, min(of, max(1, int(math.Round(d.joined(g))))))
	}
	d.reactions(p)
	var lines []string
	for _, op := range g.ops {
		line := fmt.Sprintf("{op: %s, rate: %s, per: client", op.op, rate(g.perClient(op)))
		if op.payload >= 0 {
			line += ", size: " + d.o.size(d.c, op)
		}
		lines = append(lines, line+optional(", ack: 5s", op.acked)+"}")
	}
	if len(lines) > 0 {
		p.line("    send:")
	}
	for _, line := range lines {
		p.line("      - %s", line)
	}
}

// joined is how many rooms a client of the population joins on average.
func (d *Draft) joined(g *population) float64 {
	if d.c.join == nil {
		return 0
	}
	n := 0
	for _, id := range g.ids {
		n += d.c.join.clients[id]
	}
	return float64(n) / float64(max(1, len(g.ids)))
}

// reactions writes what clients acknowledged.
func (d *Draft) reactions(p *page) {
	var list []*answer
	for _, a := range d.o.answers {
		if a.given > 0 && printable(a.event) == a.event && a.event != "" && len(a.event) <= 128 {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b *answer) int { return strings.Compare(a.event, b.event) })
	p.line("    react:")
	for _, a := range list {
		value := "true"
		if len(a.sample) == 1 && !a.differ {
			switch v := a.sample[0].(type) {
			case bool:
				value = strconv.FormatBool(v)
			case string:
				if len(v) <= 16 && !secret(a.event, "", v) && a.given > 1 {
					value = yamltext.Text(v)
				}
			}
		}
		p.line("      %s: {ack: %s}", yamltext.Quote(a.event), value)
	}
}

// delivered is how many messages came out again.
func (d *Draft) delivered() (n int) {
	for _, op := range d.c.ops {
		n += op.matched
	}
	return n
}

func (d *Draft) phases(p *page, hold time.Duration) {
	ramp := max(2*time.Second, time.Duration(len(d.o.clients)/200)*time.Second)
	p.line("")
	p.line("phases:")
	p.line("  - {name: ramp, for: %ds, clients: 0%%..100%%, load: 0%%, record: false}", int(ramp.Seconds()))
	p.line("  - {name: hold, for: %ds}", int(hold.Seconds()))
	p.line("")
	var checks []string
	if slices.ContainsFunc(d.c.ops, func(op *operation) bool { return op.to != "none" }) {
		stat := "max"
		if delivered := d.delivered(); delivered >= 1000 { // what p99 takes
			stat = "p99"
		}
		checks = append(checks, stat+"(delivery) < 1s", "loss(delivery) == 0")
	}
	if slices.ContainsFunc(d.c.ops, func(op *operation) bool { return op.acked }) {
		checks = append(checks, "errors(ack) == 0")
	}
	if len(checks) == 0 {
		checks = []string{"errors(connect) == 0"}
	}
	p.line("slo:")
	for _, c := range checks {
		p.line("  - %s", c)
	}
}
