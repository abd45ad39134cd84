package draft

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
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
	list = slices.Clone(d.o.notes)
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
	opening := d.openings()
	for _, g := range d.o.populations(d.c) {
		d.group(p, g, opening)
	}
	d.phases(p, min(max(d.length(), 10*time.Second), 10*time.Minute), opening)
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
	old := func(c *Client) bool { return c.engine3 }
	if slices.ContainsFunc(d.o.clients, old) && slices.ContainsFunc(d.o.clients, func(c *Client) bool { return !old(c) }) {
		p.line("  # Clients of Socket.IO 2 were among them. They are played as the others, since the log does not tell them apart.")
	}
	g.count = len(g.ids)
	d.client(p, g)
	opening := d.openingsOfAll()
	d.flow(p, d.c.ops, opening)
	d.replays(p, opening)
	d.phases(p, min(d.length().Truncate(time.Second)+2*time.Second, maxHold), opening)
	return []byte(p.String())
}

// replays writes what plays the log: one stream for all operations or, where only some are
// acknowledged or a flow has some, one for each.
func (d *Draft) replays(p *page, opening []*operation) {
	if len(d.c.ops) == 0 {
		return
	}
	p.line("    send:")
	acked := func(op *operation) bool { return op.acked }
	if !slices.ContainsFunc(d.c.ops, acked) && len(opening) == 0 {
		p.line("      - {replay: %s, speed: 1x, clients: by user}", yamltext.Quote(d.opt.Log))
		return
	}
	for _, op := range d.c.ops {
		if slices.Contains(opening, op) {
			continue // all clients are there from the beginning
		}
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
		if len(d.secrets()) > 0 {
			p.line("# If one of them is a login, before: makes it for each client, and captures the credential: 'throng help login'.")
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

// first is the namespace that groups have first: of rooms, or else that of most clients.
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

// phases writes how long it takes, and the rules. No message of the openings is a stream's: they
// are sent in the ramp, where a rule on steps sees none, and one that fails fails the run without
// a rule.
func (d *Draft) phases(p *page, hold time.Duration, opening []*operation) {
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
	if slices.ContainsFunc(d.c.ops, func(op *operation) bool { return op.acked && !slices.Contains(opening, op) }) {
		checks = append(checks, "errors(ack) == 0")
	}
	if len(checks) == 0 {
		checks = []string{"errors(connect) == 0"}
	}
	p.line("slo:")
	for _, c := range checks {
		p.line("  - %s", c)
	}
	if len(d.c.ops) > len(opening) { // as coarse as the other rules: a small machine carries server and clients
		p.line("")
		p.line("# Whether this machine was fit to judge.")
		p.line("valid: [p99(lag) < 100ms, max(cpu) < 90%%, achieved(rate) > 99%%]")
	}
}
