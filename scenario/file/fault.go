package file

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is a failure injected in a phase. It begins with the phase.
type Fault struct {
	// share of the clients of the groups that reconnect whose connections break
	Drop float64
	// share of clients that vanish: their connections stay open without a client
	HalfOpen float64
	Stall    float64       // share of all clients that read nothing until the phase ends
	Within   time.Duration // over which these are spread; default 0
	Restart  bool          // the built-in server ends and starts again on its address
	InTurn   bool          // with Restart: its nodes one after the other, spread over Within
	Act      *Act          // something of the user's own; nil: nothing
	// what the link between clients and target does until the phase ends; nil: nothing
	Network *Network
}

// Act is what a fault has done to the service: a command on this machine, or a request.
type Act struct {
	Run     []Template    // the program and its arguments; nil: HTTP is set
	HTTP    *HTTP         // nil: Run is set
	Within  time.Duration // how long it may take; 0: to the end of the phase
	Rolling bool          // it is done for each target in turn, each when the one before is done
	Every   time.Duration // of Rolling: least time from the start of one to the start of the next
}

// The holes of the templates of a rolling act.
const (
	HoleTargetIndex = "target.index"
	HoleTargetHost  = "target.host"
	HoleTargetURL   = "target.url"
)

// Kind names the fault in results.
func (f *Fault) Kind() string {
	switch {
	case f.Restart:
		return "restart"
	case f.Act != nil && f.Act.Rolling:
		return "rolling"
	case f.Act != nil && f.Act.HTTP != nil:
		return "http"
	case f.Act != nil:
		return "run"
	case f.Network != nil:
		return "network"
	case f.Drop > 0:
		return "drop"
	}
	return "fault"
}

// Commands lists the commands that a run of the scenario executes on this machine, by phase and
// with the names of secrets in the places of their values; nil: none.
func (s *Spec) Commands() (lines []string) {
	for i := range s.Phases {
		if f := s.Phases[i].Fault; f != nil && f.Act != nil && len(f.Act.Run) > 0 {
			each := ""
			if f.Act.Rolling {
				each = ", for each target in turn"
			}
			lines = append(lines, fmt.Sprintf("the phase %s runs %s%s", s.Phases[i].Name, f.Act.Text(), each))
		}
	}
	return lines
}

// Text is what is done, for reading: the command as a shell's line, or the method and the URL.
// Holes stand as ${name}.
func (a *Act) Text() string {
	if a.HTTP != nil {
		return a.HTTP.Method + " " + a.HTTP.URL.Source()
	}
	words := make([]string, len(a.Run))
	for i, t := range a.Run {
		words[i] = t.Source()
	}
	return CommandLine(words)
}

// CommandLine writes a command as a line for a shell.
func CommandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellWord(w)
	}
	return strings.Join(quoted, " ")
}

// Source is the template for reading, with ${name} for a hole.
func (t Template) Source() string {
	return string(t.Append(nil, func(dst []byte, h Hole) []byte { return append(dst, "${"+h.Name+"}"...) }))
}

// shellWord puts a word in quotes where a shell would need them.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,${}", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// rollingRestart restarts the nodes of the built-in server one after the other.
const rollingRestart = "rolling"

// oneAtATime are the faults of which a phase has one, and nothing beside it.
var oneAtATime = []string{"restart", "run", "http", "rolling", "network"}

var faultTable = object[Fault]{
	what: "fault",
	def:  "fault", about: "A fault that happens when the phase begins.",
	advice: map[string]string{
		"delay": "write network: {delay: ...}", "latency": "write network: {delay: ...}", "kill": "write run: [kill, \"...\"], or drop: 100%", "exec": "did you mean `run`?", "command": "did you mean `run`?", "shell": "write run: [sh, -c, \"...\"]",
	},
	fields: []field[Fault]{
		{key: "drop", about: "share of the connections that are broken", is: aShare, set: func(d *decoder, n *node, f *Fault) { f.Drop = d.share(n, "drop") }},
		{key: "within", about: "time over which connections break or clients stop; default: at once. Of run and http: a time limit; default: the end of the phase", is: aDuration, set: func(d *decoder, n *node, f *Fault) { f.Within = d.duration(n, "within", 0, maxPhase) }},
		{key: "restart", about: "true: restart the built-in server, all of its nodes at once; rolling: its nodes one after the other, their beginnings spread over within", is: anyOf(aBool, form{"enum": []string{rollingRestart}}), set: func(d *decoder, n *node, f *Fault) {
			if f.InTurn = n.text == rollingRestart; f.InTurn {
				f.Restart = true
				return
			}
			f.Restart = read(d, n, "restart", func(text string) (bool, *flaw) {
				is, wrong := parseBool(text)
				if wrong != nil {
					wrong = &flaw{fmt.Sprintf("%q is not a value of restart", clip(text)), "write true, rolling or false"}
				}
				return is, wrong
			}, nil)
		}},
		{key: "stall", about: "share of all clients that stop reading until the phase ends", is: aShare, set: func(d *decoder, n *node, f *Fault) { f.Stall = d.share(n, "stall") }},
		{key: "half_open", about: "share of the clients that vanish: they stop answering, and their connections stay open", is: aShare, set: func(d *decoder, n *node, f *Fault) { f.HalfOpen = d.share(n, "half_open") }},
		{key: "run", about: "a command of your own on this machine: a program and its arguments, without a shell. A run needs the flag --allow-run for it", is: aCommand, set: func(d *decoder, n *node, f *Fault) {
			f.act().Run = d.command(n, faultScope)
		}},
		{key: "http", about: "a request of your own, to a path of the target or to a URL", is: ref("http"), set: func(d *decoder, n *node, f *Fault) {
			f.act().setHTTP(d, n, faultScope)
		}},
		{key: "rolling", is: ref("rolling"), set: func(d *decoder, n *node, f *Fault) {
			f.Act = decoded(d, n, &rollingTable)
		}},
		{key: "network", is: ref("network"), set: func(d *decoder, n *node, f *Fault) {
			f.Network = d.network(n, &networkTable, d.condition)
		}},
	},
	done: finishFault,
}

func (f *Fault) act() *Act {
	if f.Act == nil {
		f.Act = &Act{}
	}
	return f.Act
}

func (a *Act) setHTTP(d *decoder, n *node, sc *scope) {
	was := d.scope
	d.scope = sc
	a.HTTP = decoded(d, n, &httpTable)
	d.scope = was
	a.Within = a.HTTP.Within
}

func finishFault(d *decoder, n *node, f *Fault) {
	var alone []string
	for _, e := range n.keys {
		if slices.Contains(oneAtATime, e.key) {
			alone = append(alone, e.key)
		}
	}
	beside := len(n.keys) - len(alone)
	if n.get("within") != nil {
		beside--
	}
	switch {
	case len(n.keys) == 0 || len(n.keys) == 1 && n.get("within") != nil:
		d.errs.add(n.at, "the fault is empty", "write drop: 100%, half_open: 5%, stall: 5%, restart: true, run: [...], http: {...} or network: {...}")
	case f.Restart && len(n.keys) > 1 && (!f.InTurn || len(n.keys) > 2 || n.get("within") == nil):
		d.errs.add(n.at, "a restart already breaks every connection", "remove the other keys")
	case len(alone) > 1:
		d.errs.add(at(n, alone[1]), fmt.Sprintf("a fault has `%s` or `%s`, not both", alone[0], alone[1]), "write one of them, and another phase for the other")
	case len(alone) == 1 && beside > 0:
		d.errs.add(at(n, alone[0]), fmt.Sprintf("`%s` must be the only key of a fault", alone[0]), "remove the other keys, or give them a phase of their own")
	case n.get("rolling") != nil && n.get("within") != nil:
		d.errs.add(at(n, "within"), "`within` belongs in rolling, where it is the time limit for one target", "write rolling: {within: ...}")
	}
	switch {
	case f.Act != nil && f.Within > 0:
		f.Act.Within, f.Within = f.Within, 0
	case f.Network != nil:
		f.Network.Within, f.Within = f.Within, 0
	}
}

// checkWithin refuses a fault that takes longer than its phase.
func (p *Phase) checkWithin(d *decoder, n *node) {
	f := p.Fault
	what, takes, where := "the drops take", f.Within, n
	switch {
	case f.Act != nil && n.get("rolling") != nil:
		what, takes, where = "one target may take", f.Act.Within, n.get("rolling")
	case f.Act != nil:
		what, takes = "it may take", f.Act.Within
		if n.get("within") == nil {
			where = n.get("http")
		}
	case f.Network != nil:
		what, takes = "what the link does to connections takes", f.Network.Within
	}
	if takes > p.For && where.get("within") != nil {
		d.errs.add(at(where, "within"), fmt.Sprintf("%s %s, the phase lasts %s", what, formatDuration(takes), formatDuration(p.For)), "lower within, or lengthen the phase")
	}
}

var rollingTable = object[Act]{
	what: "rolling",
	def:  "rolling", about: "A command or a request of your own for each of the targets in turn, each after the one before is done. Its texts may have ${target.index}, from 0, ${target.host} and ${target.url}.",
	shape: requireOne("oneOf", "run", "http"),
	fresh: func() Act { return Act{Rolling: true} },
	fields: []field[Act]{
		{key: "run", about: "a program and its arguments, without a shell. A run needs the flag --allow-run for it", is: aCommand, set: func(d *decoder, n *node, a *Act) { a.Run = d.command(n, rollingScope) }},
		{key: "http", about: "a request", is: ref("http"), set: func(d *decoder, n *node, a *Act) { a.setHTTP(d, n, rollingScope) }},
		{key: "every", about: "shortest time from one target to the next; default: the next one follows at once", is: aDuration, set: func(d *decoder, n *node, a *Act) { a.Every = d.duration(n, "every", 0, maxPhase) }},
		{key: "within", about: "time limit for one target; default: the end of the phase", is: aDuration, set: func(d *decoder, n *node, a *Act) { a.Within = d.duration(n, "within", time.Millisecond, maxPhase) }},
	},
	done: func(d *decoder, n *node, a *Act) {
		if run, http := n.get("run") != nil, n.get("http") != nil; run == http {
			d.errs.add(n.at, "rolling does one thing to each target", "write run: [...] or http: {...}")
		}
	},
}

var aCommand = atLeastOne(listOf(aText))

// maxCommand is how many words a command may have.
const maxCommand = 100

// command reads a program and its arguments.
func (d *decoder) command(n *node, sc *scope) (words []Template) {
	if n.kind == scalar {
		d.errs.add(n.at, "run is a list of a program and its arguments", "write run: [systemctl, restart, chat], or run: [sh, -c, \"...\"] for a line of a shell")
		return nil
	}
	if !d.isList(n, "run") {
		return nil
	}
	if len(n.items) == 0 || len(n.items) > maxCommand {
		d.errs.add(n.at, fmt.Sprintf("run has %d words", len(n.items)), fmt.Sprintf("write a program and its arguments, at most %d in all", maxCommand))
		return nil
	}
	for i, item := range n.items {
		if item.kind != scalar || item.null {
			d.errs.add(item.at, "a word of a command is a text, not "+item.describe(), "write run: [systemctl, restart, chat]")
			continue
		}
		v, ok := d.expand(item, sc)
		if !ok {
			continue
		}
		if strings.Contains(v.text(), "\x00") || i == 0 && len(v.holes) == 0 && strings.TrimSpace(v.text()) == "" {
			d.errs.add(item.at, "the command names no program", "write run: [systemctl, restart, chat]")
		}
		words = append(words, textTemplate(v))
	}
	return words
}

// checkFaults refuses faults that cannot occur, or after which no client reconnects.
func (d *decoder) checkFaults(root *node, s *Spec) {
	for i, p := range s.Phases {
		if p.Fault == nil {
			continue
		}
		where := at(root.get("phases").items[i], "fault")
		f := p.Fault
		if f.Restart && s.Server == nil {
			d.errs.add(where, "only the built-in server can be restarted", "remove target, or write drop: 100%, or run: [...] with a command that restarts the target")
		}
		for _, g := range s.Groups {
			if f.Restart && g.Reconnect == nil {
				d.errs.add(where, fmt.Sprintf("the group %s would not come back after the restart", g.Name), "add reconnect: {} to it")
			}
		}
		if breaks, what := f.breaks(); breaks && !slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Reconnect != nil }) {
			d.errs.add(where, "no group connects again after a "+what, "add reconnect: {} to a group")
		}
	}
}

// breaks reports whether the fault breaks connections by itself, and says what does.
func (f *Fault) breaks() (is bool, what string) {
	if w := f.Network; w != nil {
		return w.Reset+w.HalfOpen+w.Move > 0 || w.Cut, "broken link"
	}
	return f.Drop+f.HalfOpen > 0, "drop"
}
