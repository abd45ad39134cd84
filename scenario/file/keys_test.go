package file

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// An example is where the object of a table stands in a file, with the least that it needs.
type example struct {
	file string // with % for the object
	base []assignment
	good map[string]string // a value for each key; further assignments and -KEY for keys to leave out follow after blanks
}

type assignment struct{ key, value string }

func assignments(text string) (out []assignment) {
	for pair := range strings.SplitSeq(text, "|") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			out = append(out, assignment{key, value})
		}
	}
	return out
}

// elsewhere are the files of keys that need another one than the rest of their table.
var elsewhere = map[string]example{
	"contract.frames": {file: "{version: 1, name: x, target: {url: \"http://h:1\", protocol: websocket}, groups: {a: {count: 1}}, contract: %}"},
	"call.http":       {file: strings.Replace(inEvents, "%", "join: %", 1), base: assignments("http={post: /a}")},
	"step.to":         {inPeers("flow: [%]"), assignments("emit=[e]"), nil},
	"reaction.to":     {inPeers("react: {e: %}"), assignments("emit=[e]"), nil},
	"operation.http":  {file: strings.Replace(inEvents, "%", "operations: {o: %}", 1), base: assignments("to=all|http={post: /a, body: {a: $payload}}")},
}

const inEvents = "{version: 1, name: x, target: {url: \"http://h:1\", protocol: sse}, groups: {a: {count: 1}}, contract: {%}}"

// inPeers is a place in a group with data channels.
func inPeers(place string) string {
	return strings.Replace(inGroup, "%", "rooms: {of: 5}, peers: {}, "+place, 1)
}

// exampleOf is the example for a key of a table.
func exampleOf(def, key string) example {
	e := examples[def]
	if other, ok := elsewhere[def+"."+key]; ok {
		e.file, e.base = other.file, other.base
	}
	return e
}

const inGroup = "{version: 1, name: x, groups: {a: {count: 10, %}}}"

var examples = map[string]example{
	"": {"%", assignments("version=1|name=x|groups={a: {count: 10, reconnect: {}}}"), map[string]string{
		"version": "1", "name": "some-name", "about": "words", "seed": "7", "server": "{fanout: serial}", "target": "{url: \"http://h:1\"}", "targets": "[\"http://h:1\", \"http://h:2\"]", "vars": "{v: 1}", "counters": "{c: 1}", "matrix": "{repeat: 2}",
		"data": "{u: {csv: u.csv}}|groups={a: {count: 1, auth: {x: $u.c}}}", "contract": "{join: {emit: [j]}}", "audiences": "{user: $client.index}", "groups": "{b: {count: 2}}", "phases": "[{name: p, for: 10s}]",
		"slo": "[max(cpu) < 50%]", "valid": "[max(cpu) < 50%]", "search": "{raise: groups.a.count, from: 1}", "trace": "3", "report": "{dir: d}", "network": "{delay: 5ms}",
	}},
	"server": {"{version: 1, name: x, groups: {a: {count: 1}}, server: %}", nil, map[string]string{
		"listen": "127.0.0.1:3000", "fanout": "sharded", "compression": "true", "ping_interval": "5s", "ping_timeout": "5s", "write_timeout": "5s", "gomaxprocs": "2", "recovery": "1m", "queue_bytes": "64KiB", "max_payload": "2MB", "slow": "disconnect", "nodes": "3", "adapter": "redis", "spread": "first", "behind": "nginx",
	}},
	"target": {"{version: 1, name: x, groups: {a: {count: 1}}, target: %}", assignments("url=\"http://h:1\""), map[string]string{
		"url": "\"unix:/run/x.sock\"", "path": "/io/", "engine": "3", "protocol": "sse", "subprotocol": "[a, b]|protocol=websocket", "ping": "5s|protocol=websocket", "webtransport": "h:2", "tls": "{insecure: true}", "sample": "{pid: 1}",
	}},
	"several_targets": {"{version: 1, name: x, groups: {a: {count: 1}}, targets: %}", assignments("urls=[\"http://h:1\", \"http://h:2\"]"), map[string]string{
		"urls": "[\"https://h:3\"]", "spread": "by group", "path": "/io/", "engine": "3", "protocol": "sse", "subprotocol": "[a, b]|protocol=websocket", "ping": "5s|protocol=websocket", "tls": "{insecure: true}",
	}},
	"tls": {"{version: 1, name: x, groups: {a: {count: 1}}, target: {url: \"https://h:1\", tls: %}}", nil, map[string]string{
		"insecure": "true", "ca": "ca.pem", "server_name": "example.test", "resume": "false", "hash": "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3",
	}},
	"sample": {"{version: 1, name: x, groups: {a: {count: 1}}, target: {url: \"http://h:1\", sample: %}}", assignments("pid=1"), map[string]string{
		"pid": "42", "prometheus": "\"http://h:1/metrics\"", "every": "2s",
	}},
	"matrix": {"{version: 1, name: x, about: $matrix.n, groups: {a: {count: 1}}, matrix: %}", assignments("axes={n: [a, b]}|repeat=2"), map[string]string{
		"axes": "{n: [c]}", "exclude": "[{n: a}]", "repeat": "3", "order": "shuffled", "cooldown": "2s",
	}},
	"feeder": {"{version: 1, name: x, groups: {a: {count: 1, send: [{op: all, rate: 1/s, data: {x: $u.c}}]}}, data: {u: %}}", assignments("csv=u.csv"), map[string]string{
		"csv": "v.csv", "jsonl": "u.jsonl|-csv", "pick": "unique", "each": "message",
	}},
	"frames": {"{version: 1, name: x, target: {url: \"http://h:1\", protocol: websocket}, groups: {a: {count: 1}}, contract: {frames: %}}", nil, map[string]string{
		"event": "\"$[0].kind\"", "id": "\"$.id\"", "answer": "[ok, no]", "welcome": "hi",
	}},
	"contract": {"{version: 1, name: x, groups: {a: {count: 1}}, contract: %}", nil, map[string]string{
		"frames": "{welcome: hi}", "join": "{emit: [j, $room]}", "leave": "{emit: [l, $room]}", "operations": "{say: {emit: [s, $payload], to: all}}",
	}},
	"call": {"{version: 1, name: x, groups: {a: {count: 1}}, contract: {join: %}}", assignments("emit=[j]"), map[string]string{
		"emit": "[k, 1]", "ack": "true", "http": "{post: /b}", "match": "{$.ok: true}|ack=true",
	}},
	"operation": {"{version: 1, name: x, groups: {a: {count: 1}}, contract: {operations: {o: %}}}", assignments("emit=[e, $payload]|to=all"), map[string]string{
		"http": "{post: /b, text: $payload}", "emit": "[e, $payload, $stamp]", "to": "{room: true, others: true}", "deliver": "said", "ack": "true", "namespace": "/", "stamp": "\"$[0].a\"", "correlate": "\"$[0].b\"|emit=[e, $stamp]", "changes": "true",
	}},
	"audience": {"{version: 1, name: x, data: {u: {csv: u.csv}}, audiences: {user: $u.id}, groups: {a: {count: 1}}, contract: {operations: {o: {emit: [e, $payload], to: %}}}}", assignments("all=true"), map[string]string{
		"room": "true|-all", "all": "true|others=true", "self": "true|-all", "others": "true", "namespace": "/", "peer": "true|-all", "group": "a|-all", "audience": "user|-all", "own": "true|audience=user|-all", "also_own": "true|audience=user|-all",
	}},
	"peer": {"{version: 1, name: x, groups: {a: {count: 2, send: [{op: o, rate: 1/s, peer: %}]}}, contract: {operations: {o: {emit: [e, $payload], to: peer}}}}", nil, map[string]string{
		"pick": "fixed", "group": "a",
	}},
	"group": {"{version: 1, name: x, server: {compression: true}, data: {u: {csv: u.csv}}, contract: {operations: {o: {emit: [$u.c], to: none}}}, groups: {a: %}}", assignments("count=10"), map[string]string{
		"count": "20", "arrive": "5/s|life=6m|-count", "life": "exp(6m)", "connect": "{rate: 5/s}", "transport": "{websocket: 50%, polling: 50%}", "place": "{zone: a}", "parser": "msgpack", "compression": "true", "engine": "3", "poll": "2s", "namespace": "[/a, /b]", "before": "{steps: [{think: 1s}], once: true}",
		"auth": "{a: 1}", "query": "{a: 1}", "headers": "{X-A: b}", "data": "u", "rooms": "{of: 3}", "peers": "{}|rooms={of: 3}", "reconnect": "{}", "read": "{rate: 1KiB/s}", "send": "[{op: o, rate: 1/s}]", "flow": "[{think: 1s}]", "react": "{e: {ack: 1}}",
	}},
	"connect": {strings.Replace(inGroup, "%", "connect: %", 1), nil, map[string]string{"rate": "20/s", "shape": "poisson", "timeout": "3s", "from": "[127.0.0.2, 127.0.0.3]"}},
	"peers":   {"{version: 1, name: x, groups: {a: {count: 10, rooms: {of: 5}, peers: %}}}", nil, map[string]string{"timeout": "2s", "blocked": "20%"}},
	"reconnect": {"{version: 1, name: x, server: {recovery: 1m}, groups: {a: {count: 10, reconnect: %}}}", nil, map[string]string{
		"min": "2s", "max": "7s", "jitter": "20%", "refused": "true", "recover": "true",
	}},
	"read":  {strings.Replace(inGroup, "%", "read: %", 1), assignments("rate=1KiB/s"), map[string]string{"rate": "1MB/s", "stall": "2s", "every": "5s|stall=2s", "share": "50%"}},
	"rooms": {strings.Replace(inGroup, "%", "rooms: %", 1), assignments("of=10"), map[string]string{"of": "20", "prefix": "q", "join": "2", "size": "zipf(1)", "move": "exp(2m)"}},
	"stream": {strings.Replace(inGroup, "%}}}", "namespace: [/, /b], rooms: {of: 3}, send: [%]}}, contract: {operations: {say: {emit: [e, $payload], to: room}, tell: {emit: [e, $payload], to: peer}}}}", 1), assignments("op=say|rate=1/s"), map[string]string{
		"op": "tell", "peer": "fixed|op=tell", "event": "e|op=emit", "rate": "2/m", "per": "group", "arrival": "burst(8)", "size": "1KiB", "data": "{a: 1}|op=emit", "binary": "true", "namespace": "/", "volatile": "true", "ack": "1s", "expect": "none|op=emit",
		"late": "2s", "match": "{$.ok: true}|ack=1s", "away": "drop", "scale": "false", "replay": "t.csv|-rate", "speed": "2x|replay=t.csv|-rate", "clients": "in turn|replay=t.csv|-rate",
	}},
	"step": {strings.Replace(inGroup, "%", "flow: [%]", 1), assignments("emit=[e]|ack=1s"), map[string]string{
		"emit": "[f, 1]", "to": "peers", "ack": "2s", "expect": "{event: e}", "wait": "{event: e}|-emit|-ack", "capture": "{a: $}", "think": "1s|-emit|-ack", "repeat": "{times: 2, steps: [{think: 1s}]}|-emit|-ack",
		"connect": "{}|-emit|-ack", "disconnect": "drop|-emit|-ack", "join": "r|-emit", "leave": "r|-emit", "http": "{get: /}|-emit|-ack", "match": "{$.ok: true}", "name": "n",
	}},
	"flow": {strings.Replace(inGroup, "%", "flow: %", 1), assignments("steps=[{think: 1s}]"), map[string]string{
		"steps": "[{think: 2s}]", "repeat": "forever", "every": "2s|repeat=3", "start": "hold",
	}},
	"repeat": {strings.Replace(inGroup, "%", "flow: [{repeat: %}]", 1), assignments("steps=[{think: 1s}]"), map[string]string{"times": "3", "every": "2s", "steps": "[{think: 2s}]"}},
	"expect": {strings.Replace(inGroup, "%", "flow: [{wait: %}]", 1), assignments("event=e"), map[string]string{"event": "f", "within": "3s", "match": "{\"$[0]\": 1}"}},
	"http": {strings.Replace(inGroup, "%", "flow: [{http: %}]", 1), assignments("get=/x"), map[string]string{
		"get": "/y", "post": "/y|-get", "put": "/y|-get", "patch": "/y|-get", "delete": "/y|-get", "headers": "{X-A: b}", "body": "{a: 1}", "form": "{a: b}", "text": "a", "redirect": "no", "status": "201", "within": "3s",
	}},
	"extract": {strings.Replace(inGroup, "%", "flow: [{http: {get: /}, capture: {a: %}}]", 1), assignments("header=X-A"), map[string]string{
		"header": "X-B", "cookie": "sid|-header", "match": "\"a(.)\"",
	}},
	"before": {strings.Replace(inGroup, "%", "before: %", 1), assignments("steps=[{think: 1s}]"), map[string]string{
		"steps": "[{http: {get: /}}]", "once": "true", "again": "refused",
	}},
	"reaction": {strings.Replace(inGroup, "%", "react: {e: %}", 1), assignments("ack=true"), map[string]string{"ack": "[1, 2]", "emit": "[f]", "to": "peers", "after": "1s", "share": "50%"}},
	"phase": {"{version: 1, name: x, groups: {a: {count: 10, reconnect: {}}}, phases: [{name: last, for: 10s}, %]}", assignments("name=hold|for=20s"), map[string]string{
		"name": "p", "for": "15s", "record": "false", "clients": "50%", "load": "0%..50%", "network": "{delay: 5ms}", "fault": "{drop: 50%}",
	}},
	"fault": {"{version: 1, name: x, groups: {a: {count: 10, reconnect: {}}}, phases: [{name: p, for: 10s, fault: %}]}", assignments("drop=50%"), map[string]string{
		"drop": "20%", "half_open": "20%", "stall": "20%", "within": "2s", "restart": "true|-drop",
		"run": "[systemctl, restart, chat]|-drop", "http": "{post: /slow, body: {on: true}, within: 2s}|-drop", "network": "{delay: 100ms}|-drop",
		"rolling": "{run: [a]}|-drop",
	}},
	"rolling": {"{version: 1, name: x, targets: [\"http://h:1\", \"http://h:2\"], groups: {a: {count: 10, reconnect: {}}}, phases: [{name: p, for: 10s, fault: {rolling: %}}]}", assignments("run=[restart, \"${target.index}\", \"${target.host}\", \"${target.url}\"]"), map[string]string{
		"run": "[b]", "http": "{post: \"${target.url}/slow\"}|-run", "every": "2s", "within": "1s",
	}},
	"network": {"{version: 1, name: x, targets: [\"http://h:1\", \"http://h:2\"], groups: {a: {count: 10, reconnect: {}}}, phases: [{name: p, for: 10s, fault: {network: %}}]}", assignments("delay=100ms"), map[string]string{
		"delay": "200ms", "jitter": "50ms", "rate": "1MB/s", "reset": "20%", "half_open": "10%", "cut": "true|-delay", "node": "1",
		"loss": "1%", "reorder": "1%", "queue": "20kB|rate=10kB/s", "up": "{loss: 2%}", "down": "{loss: 2%}", "outage": "2s", "move": "50%",
	}},
	"network_condition": {"{version: 1, name: x, groups: {a: {count: 10}}, phases: [{name: p, for: 10s, network: %}]}", assignments("delay=100ms"), map[string]string{
		"delay": "200ms", "jitter": "50ms", "rate": "1MB/s", "loss": "1%", "reorder": "1%", "queue": "20kB|rate=10kB/s", "up": "{loss: 2%}", "down": "{loss: 2%}",
	}},
	"network_line": {"{version: 1, name: x, groups: {a: {count: 10}}, network: {up: %}}", assignments("delay=100ms"), map[string]string{
		"delay": "200ms", "jitter": "50ms", "rate": "1MB/s", "loss": "1%", "reorder": "1%", "queue": "20kB|rate=10kB/s",
	}},
	"named_check": {"{version: 1, name: x, groups: {a: {count: 10}}, slo: [%]}", assignments("check=max(cpu) < 50%"), map[string]string{
		"check": "max(cpu) < 60%", "name": "n", "optional": "true", "abort": "5s",
	}},
	"search": {"{version: 1, name: x, groups: {a: {count: 10, connect: {rate: 1M/s}}}, search: %}", assignments("raise=groups.a.count|from=10|to=100"), map[string]string{
		"raise": "load|from=100%|to=200%", "from": "20", "to": "200", "grow": "x1.5", "precision": "10%", "settle": "2s", "trial": "5s", "confirm": "{trials: 5}", "steps_after": "[50%]", "budget": "10m",
	}},
	"confirm": {"{version: 1, name: x, groups: {a: {count: 10, connect: {rate: 1M/s}}}, search: {raise: groups.a.count, from: 10, to: 100, confirm: %}}", assignments("trials=5"), map[string]string{"trials": "7", "for": "9s"}},
	"report": {"{version: 1, name: x, groups: {a: {count: 10}}, report: %}", nil, map[string]string{
		"dir": "d", "formats": "[csv]", "figure_width": "84mm", "interval": "1s", "baseline": "b",
	}},
}

// text is the example's file with these keys set and others left out; at is where the value of the
// last one begins.
func (e example) text(set []assignment, without ...string) (text string, at int) {
	var parts []string
	add := func(a assignment) { parts = append(parts, a.key+": "+a.value) }
	for _, a := range e.base {
		skip := false
		for _, s := range set {
			skip = skip || s.key == a.key
		}
		for _, key := range without {
			skip = skip || key == a.key
		}
		if !skip {
			add(a)
		}
	}
	for _, a := range set {
		add(a)
	}
	before, after, _ := strings.Cut(e.file, "%")
	body := "{" + strings.Join(parts, ", ") + "}"
	at = len(before) + len(body) - 1
	if len(set) > 0 {
		at -= len(set[len(set)-1].value)
	}
	return before + body + after + "\n", at
}

// keyWith reads the value of a key with the text after it.
func keyWith(key, value string) (set []assignment, without []string) {
	first, more, _ := strings.Cut(value, "|")
	for part := range strings.SplitSeq(more, "|") {
		if gone, ok := strings.CutPrefix(part, "-"); ok {
			without = append(without, gone)
		} else if k, v, ok := strings.Cut(part, "="); ok {
			set = append(set, assignment{k, v})
		}
	}
	return append(set, assignment{key, first}), without
}

type row struct {
	def, key string
	property form
	required bool
}

// everyKey lists the keys of all tables.
func everyKey() (out []row) {
	for _, table := range tables() {
		name, f := table.definition()
		required, _ := f["required"].([]string)
		for _, p := range f["properties"].(properties) {
			r := row{def: name, key: p.key, property: p.value}
			for _, key := range required {
				r.required = r.required || key == p.key
			}
			out = append(out, r)
		}
	}
	return out
}

func TestEveryKeyIsTaken(t *testing.T) {
	s := compile(t)
	for _, r := range everyKey() {
		e, ok := exampleOf(r.def, r.key), examples[r.def].file != ""
		value, has := e.good[r.key]
		if !ok || !has {
			t.Errorf("keys_test.go has no value for %s of $defs.%s", r.key, r.def)
			continue
		}
		set, without := keyWith(r.key, value)
		text, _ := e.text(set, without...)
		f, err := Parse("x.yaml", []byte(text), nil)
		if err != nil {
			t.Errorf("%s of %q: %v\n%s", r.key, r.def, err, text)
			continue
		}
		if err := validate(s, []byte(text)); err != nil {
			t.Errorf("the parser takes %s and the schema does not: %v", text, err)
		}
		base, _ := e.text(nil)
		was, err := Parse("x.yaml", []byte(base), nil)
		if err != nil {
			t.Fatalf("the example of %q: %v", r.def, err)
		}
		if same := cmp.Diff(dump(was), dump(f)) == ""; same && !strings.Contains("version slow interval vars exclude namespace", r.key) {
			t.Errorf("%s of %q changes nothing: %s", r.key, r.def, text)
		}
	}
}

// The default in the schema equals the parser's behaviour without the key.
func TestEveryDefaultIsTrue(t *testing.T) {
	told := 0
	for _, r := range everyKey() {
		def, ok := r.property["default"]
		if !ok {
			continue
		}
		told++
		e := exampleOf(r.def, r.key)
		value := fmt.Sprint(def)
		if strings.ContainsAny(value, ":") {
			value = fmt.Sprintf("%q", value)
		}
		without, _ := e.text(nil, r.key)
		given, _ := e.text([]assignment{{r.key, value}})
		a, err := Parse("x.yaml", []byte(without), nil)
		b, err2 := Parse("x.yaml", []byte(given), nil)
		if err != nil || err2 != nil {
			t.Errorf("%s of %q: %v, %v", r.key, r.def, err, err2)
			continue
		}
		if diff := cmp.Diff(a.Spec, b.Spec, cmp.AllowUnexported(ColumnUse{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s of %q is not %v without being said:\n%s", r.key, r.def, def, diff)
		}
	}
	if told < 20 {
		t.Errorf("only %d defaults are told", told)
	}
}

// odd are values of which any key refuses some.
var odd = []string{
	"5", "-5", "0", "0.5", "1e3", "5s", "5 s", "5S", "5/s", "64KiB", "8KiB/s", "5%", "150%", "x2", "x", "word", "\"\"", "\"two words\"", "true", "yes", "/path", "\"$[0]\"", "\"http://h:1\"",
	"[]", "[1]", "[{}]", "{}", "{a: 1}", "{a: {count: 1}}", "exp(6m)", "zipf(1)", "NaN", "\"max(cpu) < 5%\"", "0x10", "\"a\\u0007b\"", "\"127.0.0.1\"", "$nothing",
}

// For any value of a key, the schema accepts every value that the parser accepts, and the parser's
// error names the place in the file and the remedy.
func TestEveryKeyWithOddValues(t *testing.T) {
	s := compile(t)
	taken, refused := 0, 0
	for _, r := range everyKey() {
		e := exampleOf(r.def, r.key)
		set, without := keyWith(r.key, e.good[r.key])
		for _, value := range append(odd, "null") {
			set[len(set)-1].value = value
			text, at := e.text(set, without...)
			_, err := Parse("x.yaml", []byte(text), nil)
			if err == nil {
				taken++
				if err := validate(s, []byte(text)); err != nil {
					t.Errorf("the parser takes %s and the schema does not: %v", text, err)
				}
				continue
			}
			refused++
			found := false
			for _, m := range mistakes(t, err) {
				// It stands at the value, in it, or at its key.
				found = found || m.Line == 1 && m.Col >= at-len(r.key)-1 && m.Col <= at+len(value)+1
				if m.Hint == "" && !strings.Contains(m.Msg, "is not possible") {
					t.Errorf("no word on what to do: %v\n%s", m, text)
				}
			}
			if value == "null" && (!found || !strings.Contains(err.Error(), "has no value")) {
				t.Errorf("%s of %q without a value: %v", r.key, r.def, err)
			}
			if !found && strings.ContainsAny(value, "[{") && r.key != "data" {
				t.Errorf("%s of %q: no mistake is shown at %d, where the value is: %v\n%s", r.key, r.def, at+1, err, text)
			}
		}
	}
	if taken < 200 || refused < 2000 {
		t.Errorf("%d values are taken, %d refused", taken, refused)
	}
}

// A misspelt key is reported with the intended key; a missing mandatory key is reported.
func TestEveryKeyMistyped(t *testing.T) {
	for _, r := range everyKey() {
		e := exampleOf(r.def, r.key)
		set, without := keyWith(r.key, e.good[r.key])
		if r.required {
			text, _ := e.text(nil, r.key)
			if _, err := Parse("x.yaml", []byte(text), nil); err == nil || !strings.Contains(err.Error(), "has no `"+r.key+"`") {
				t.Errorf("without %s, %q: %v", r.key, r.def, err)
			}
		}
		if len(r.key) < 4 {
			continue
		}
		slip := r.key[:1] + r.key[2:3] + r.key[1:2] + r.key[3:] // two letters change places
		if slip == r.key || r.key == "repeat" && r.def == "step" {
			continue
		}
		set[len(set)-1].key = slip
		text, at := e.text(set, append(without, r.key)...)
		_, err := Parse("x.yaml", []byte(text), nil)
		if err == nil {
			t.Errorf("%s of %q is taken", slip, r.def)
			continue
		}
		first := &Error{}
		for _, m := range mistakes(t, err) {
			if strings.HasPrefix(m.Msg, "unknown key") {
				first = m
			}
		}
		if first.Hint != "did you mean `"+r.key+"`?" || first.Col != at-len(slip)-1 {
			t.Errorf("%s of %q: %v\n%s", slip, r.def, err, text)
		}
	}
}

// What a key's advice says is a key that is there.
func TestAdviceNamesKeys(t *testing.T) {
	check := func(what string, advice map[string]string, now []string) {
		for key, hint := range advice {
			for _, k := range now {
				if k == key {
					t.Errorf("%s: there is advice for %s, which is a key", what, key)
				}
			}
			if !strings.HasPrefix(hint, "did you mean `") {
				continue
			}
			meant, _, _ := strings.Cut(strings.TrimPrefix(hint, "did you mean `"), "`")
			known := false
			for _, k := range now {
				known = known || k == meant
			}
			if !known {
				t.Errorf("%s: the advice for %s names %s, which is no key", what, key, meant)
			}
		}
	}
	all := func(now, _ []string) []string { return now }
	check("scenario", specTable.advice, all(specTable.names()))
	check("group", groupTable.advice, all(groupTable.names()))
	check("stream", streamTable.advice, all(streamTable.names()))
	check("step", stepTable.advice, all(stepTable.names()))
	check("flow", flowTable.advice, all(flowTable.names()))
	check("expect", expectTable.advice, all(expectTable.names()))
	check("http", httpTable.advice, all(httpTable.names()))
	check("extract", extractTable.advice, all(extractTable.names()))
	check("before", beforeTable.advice, all(beforeTable.names()))
	check("contract", contractTable.advice, all(contractTable.names()))
	check("feeder", feederTable.advice, all(feederTable.names()))
	check("matrix", matrixTable.advice, all(matrixTable.names()))
	check("phase", phaseTable.advice, all(phaseTable.names()))
	check("read", readTable.advice, all(readTable.names()))
	check("search", searchTable.advice, all(searchTable.names()))
}
