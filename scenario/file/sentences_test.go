package file

import (
	"fmt"
	"strings"
	"testing"
)

// mistaken is a file with a mistake; » stands before the place that the error must name.
type mistaken struct{ text, want string }

// sentences are mistakes whose files are a few words long, by family of keys. Those that take a file
// are in testdata/bad.
var sentences = map[string][]mistaken{
	"groups": {
		{"groups: {»a: null}", "the group a has no value; write count: 100 under it"},
		{"groups: {»A: {count: 1}}", `"A" is not a name for a group; use a-z, 0-9 and _, starting with a letter`},
		{"groups: »{a: {count: 4M}, b: {count: 4M}}", "the groups have 8000000 clients together; keep to 5M"},
		{"groups: {a: {count: 1, send: [{op: all, rate: 1/s, arrival: »burst(0)}]}}", `"burst(0)" is not an arrival; write burst(1) to burst(100000)`},
		{"groups: {a: {count: 1, send: [{op: all, rate: »1" + strings.Repeat("0", 400) + "/s}]}}", "the rate 100000000000000000000000000000000000000000000000000000000... is too high; write a lower one"},
		{"server: {recovery: 1m}\ngroups: {a: {count: 1, engine: 3, reconnect: {recover: »true}}}", "Socket.IO 2 has no connection state recovery, and the engine is 3; remove recover"},
		{"groups: {a: {count: 1, engine: 3, transport: »sse}}", "the transport sse is without Engine.IO, and the engine is 3; remove engine"},
		{"groups: {a: {count: 1, rooms: {of: 9999, join: »\"exp(20000)\"}}}", "a client would join 20000 rooms on average; write at most 10000"},
		{"groups: {a: {count: 1, before: [{http: {get: »\"/a\\e[31m\"}}]}}", "the URL holds a control character; write it as %0A, with its hexadecimal code"},
		{"groups: {a: {count: 1, before: [{http: {post: /login, form: {»\"\": x}}}]}}", "a field of the form has no name; write name: value"},
	},
	"addresses": {
		{"target: »localhost:3000\ngroups: {a: {count: 1}}", "the target is a mapping of keys to values, not \"localhost:3000\"; write {url: \"localhost:3000\"}"},
		{"target: »url:http://h\ngroups: {a: {count: 1}}", "the target is a mapping of keys to values, not \"url:http://h\"; put a space behind the colon: url: http://h"},
		{"target: {url: »localhost:3000}\ngroups: {a: {count: 1}}", "\"localhost:3000\" is not the address of a server; write it like http://host:port (or https, ws, wss), or unix:/path/of.sock"},
	},
	"words of other tools": {
		{"groups: {a: {count: 1, flow: [{think: »1s..3s}]}}", "think is a duration or a distribution, not a range; write uniform(1s 3s)"},
		{"groups: {a: {count: 1, flow: [{think: »1-3s}]}}", "think is a duration or a distribution, not a range; write uniform(1s 3s)"},
		{"groups: {a: {count: 1, flow: [{think: »[500ms, 2s]}]}}", "think is a duration or a distribution, not a range; write uniform(500ms 2s)"},
		{"groups: {a: {count: 1, life: »{min: 1m, max: 5m}}}", "life is a duration or a distribution, not a range; write uniform(1m 5m)"},
		{"groups: {a: {arrive: »1/s..5/s, life: 1s}}", "\"1/s..5/s\" is not a rate; write 5/s, and the ramp in a phase, as a share of it: load: of streams, clients: of clients that arrive, such as 20%..100%"},
		{"groups: {a: {arrive: »poisson(5/s), life: 1s}}", "\"poisson(5/s)\" is not a rate; write 5/s: its arrival: of a stream, or connect: {shape: poisson} of clients, says how the moments are drawn"},
		{"groups: {a: {count: 1, send: [{op: all, rate: »30/min}]}}", "\"30/min\" is not a rate; write 30/m"},
		{"groups: {a: {count: 1}}\nslo: [\"»error_rate < 1%\"]", "unknown statistic \"error_rate\"; did you mean `errors`?"},
		{"groups: {a: {count: 1}}\nslo: [»connect.p90 < 200ms]", "unknown statistic \"connect.p90\"; write p90(connect)"},
		{"groups: {a: {count: 1}}\nreport: {dir: »\"out\\e[1A\"}", "dir holds a control character; write it on one line"},
		{"groups: {a: {count: 1}}\nreport: {formats: [»prometheus]}", "unknown report format \"prometheus\"; did you mean `openmetrics`?"},
		{"data: {u: {csv: u.csv, »order: random}}\ngroups: {a: {count: 1, auth: {t: $u.t}}}", "unknown key `order` in the data file; did you mean `pick`?"},
		{"data: {u: {csv: u.csv}}\ngroups: {a: {count: 1, auth: {t: $u.t, m: »$email}}}", "unknown variable `email`; a column of a data file is written ${u.email}; declare other names under vars:, or write $$ for a dollar sign"},
		{"groups: {a: {count: 1, auth: {t: \"»${__ENV.TOKEN}\"}}}", "unknown variable `__ENV.TOKEN`; write ${env.TOKEN} for the environment variable, or declare it under vars:"},
	},
	"peers": {
		{"groups: {a: {count: 1, rooms: {of: 1}, send: [{op: »peers, rate: 1/s}]}}", "the clients of the group a have no data channels to send by; add peers: {} and rooms: {of: 10, join: 1} to the group"},
		{"groups: {a: {count: 1, peers: »{}}}", "peers are the others in a client's only room, in which it stays; write rooms: {of: 10, join: 1}, without move"},
		{"groups: {a: {count: 1, peers: »{}, rooms: {of: 9, join: 2}}}", "peers are the others in a client's only room, in which it stays; write rooms: {of: 10, join: 1}, without move"},
		{"groups: {a: {count: 1, peers: »{}, rooms: {of: 9}, namespace: /n}}", "peers meet in the main namespace of Socket.IO; remove peers, or what sets another namespace, protocol or transport"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}}, b: {count: 1, rooms: »{of: 9}}}", "the group b is in rooms with the group a, whose clients have data channels, and has none; add peers: {} to it, or another prefix to its rooms"},
		{"groups: {a: {count: 1, peers: »{timeout: 10s}, rooms: {of: 9}}}", "a client may take 10s for the channels to its peers, and 10s to connect and join its room, these included; lower the timeout of peers, or raise that of connect"},
		{"server: {recovery: 1m}\ngroups: {a: {count: 1, peers: »{}, rooms: {of: 9}, reconnect: {recover: true}}}", "a client that comes back as the same socket has left the room of its peers; remove recover from reconnect"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, send: [{op: peers, rate: 1/s, ack: »1s}]}}", "a peer does not acknowledge messages; remove ack: each delivery is in the ledger"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, send: [{op: peers, rate: 1/s, binary: »true, data: {a: 1}}]}}", "a binary payload has no data beside it; remove data or binary"},
		{"groups: {a: {count: 1, rooms: {of: 9}, flow: [{repeat: {times: 2, steps: [{emit: [a], to: »peers, expect: {event: b}}]}}]}}", "the clients of the group a have no data channels to send by; add peers: {} and rooms: {of: 10, join: 1} to the group"},
		{"groups: {a: {count: 1, rooms: {of: 9}, react: {a: {emit: [b], to: »peers}}}}", "the clients of the group a have no data channels to send by; add peers: {} and rooms: {of: 10, join: 1} to the group"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, react: {a: {ack: 1, to: »peers}}}}", "the reaction emits nothing that could go to peers; write emit: [event], or remove to"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, flow: [{emit: [a], to: peers, ack: »1s}]}}", "a peer does not acknowledge messages; remove ack, or write expect: and the event that a peer sends in answer"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, flow: [{join: r, to: »peers}]}}", "`to` cannot be used in a step with `join`; use it with emit, in a separate step"},
		{"groups: {a: {count: 1, peers: {}, rooms: {of: 9}, send: [{op: peers, rate: 1/s, volatile: »true}]}}", "the channels between peers are reliable; remove volatile"},
		{"groups: {a: {count: 1}}\nslo: [»p99(channel) < 1s]", "`channel` would never be measured: the clients of no such group open data channels; add peers: {} to the group, or remove the check"},
	},
	"data": {
		{"data: {»u: null}\ngroups: {a: {count: 1}}", "the data file u has no value; write csv: users.csv or jsonl: users.jsonl under it"},
		{"counters: {»c c: 1}\ngroups: {a: {count: 1}}", `"c c" is not a name for a counter; use letters, digits and _, not starting with a digit`},
		{"groups: {a: {count: 1, auth: {n: \"»${counter.c}\"}}}", "there is no counter `c`; declare it under counters: {c: 1}"},
		{"counters: {calls: 1}\ngroups: {a: {count: 1, auth: {n: \"»${counter.cals}\"}}}", "there is no counter `cals`; did you mean `counter.calls`?"},
		{"groups: {a: {count: 1, auth: {n: \"»${random(6,1)}\"}}}", "random(6,1) must go from a lower number to a higher one; write it like random(1,6) or random(0.5,1.5)"},
		{"groups: {a: {count: 1, auth: {n: \"»${random(6)}\"}}}", `"random(6)" is not a random number; write it like random(1,6) or random(0.5,1.5)`},
		{"groups: {a: {count: 1, auth: {n: \"»${pick(a)}\"}}}", `"pick(a)" is not a choice; write it like pick(red, green, blue)`},
		{"groups: {a: {count: 1, auth: {n: \"»${rnadom(1,6)}\"}}}", "unknown variable `rnadom(1,6)`; did you mean `random(1,6)`?"},
		{"groups: {a: {count: 1, auth: {n: \"»${choice(a,b)}\"}}}", "unknown variable `choice(a,b)`; did you mean `pick(a,b,c)`?"},
		{"groups: {a: {count: 1, auth: {n: \"»${uuid()}\"}}}", "unknown variable `uuid()`; did you mean `uuid`?"},
		{"groups: {a: {count: 1, auth: {n: \"»${counter(c)}\"}}}", "unknown variable `counter(c)`; write ${counter.NAME}, and declare it under counters:"},
		{"groups: {a: {count: 1, auth: {n: \"»${sha(c)}\"}}}", "unknown variable `sha(c)`; the functions are random(1,6) and pick(a,b,c)"},
		{"vars: {a: " + strings.Repeat("x", 5000) + ", b: »" + strings.Repeat("$a ", 20) + "}\ngroups: {g: {count: 1, auth: {n: $b}}}", "the variables in this value expand to too much text; shorten it"},
	},
	"matrix": {
		{"about: $matrix.n\nmatrix: »{axes: {n: [1,2,3,4,5,6,7,8,9,10,11]}, repeat: 1000}\ngroups: {a: {count: 1}}", "the matrix has 11 combinations, 11000 trials; keep to 1000 and 10000"},
		{"matrix: {axes: {»1n: [a]}}\ngroups: {a: {count: 1}}", `"1n" is not a name for an axis; use letters, digits and _, not starting with a digit`},
		{"about: $matrix.n\nmatrix: {axes: {n: [a]}, exclude: [{n: »[a]}]}\ngroups: {a: {count: 1}}", "n must be a single value, not a list; write one value, without [ ] or -"},
	},
	"phases": {
		{"groups: {a: {count: 1}}\nphases: »[{name: a, for: 160h}, {name: b, for: 160h}, {name: c, for: 160h}, {name: d, for: 160h}, {name: e, for: 160h}]", "the phases take more than 720h together; shorten them"},
		{"target: {url: \"http://h:1\"}\ngroups: {a: {count: 1}}\nphases: [{name: a, for: 9s, fault: {network: {rate: »10B/s}}}]", "a rate of 10B/s is out of range; write 1kB/s to 1GB/s"},
		{"target: {url: \"http://h:1\"}\ngroups: {a: {count: 1}}\nphases: [{name: a, for: 9s, fault: {network: {rate: »1500B/s}}}]", "the rate 1500B/s is not a whole number of kB/s; write 1kB/s"},
	},
	"checks": {
		{"groups: {a: {count: 1}}\nslo: [\"p99(connect{»gruop=a}) < 1s\"]", "unknown label \"gruop\"; did you mean `group`?"},
		{"groups: {a: {count: 1}}\nslo: [\"p99(connect{group »a}) < 1s\"]", "`=` is missing before \"a}) < 1s\"; write {group=value}"},
		{"groups: {a: {count: 1}}\nslo: [\"p99(connect{group=»}) < 1s\"]", "the label `group` has no value; write {group=value}"},
		{"groups: {a: {count: 1}}\nslo: [\"p99(connect{group=a,»group=a}) < 1s\"]", "the label `group` is given twice; remove one"},
		{"groups: {a: {count: 1, send: [{op: all, rate: 1/s, event: e, volatile: true}]}}\nslo: [»\"loss(delivery{op=all}) < 1%\"]", "`delivery` would never be measured: no stream with these labels is delivered to anybody; volatile messages count here only where they are named: write loss(delivery{event=e})"},
		{"target: {url: \"http://h:1\"}\ncontract: {operations: {o: {emit: [e, $payload], to: all}}}\ngroups: {a: {count: 1, send: [{op: o, rate: 1/s, volatile: true}]}}\nslo: [»\"p99(fanout.last) < 1s\"]", "`fanout.last` would never be measured: no stream with these labels is broadcast; volatile messages count here only where they are named: write p99(fanout.last{op=o})"},
		{"target: {url: \"http://h:1\"}\ncontract: {operations: {all: {emit: [e, $payload], to: all}}}\ngroups: {a: {count: 1, send: [{op: all, rate: 1/s, volatile: true}]}}\nslo: [»\"loss(delivery{op=all}) < 1%\"]", "`delivery` would never be measured: no stream with these labels is delivered to anybody; volatile messages count here only where they are named: write loss(delivery{event=e})"},
		{"groups: {a: {count: 1}}\nslo: [{check: max(cpu) < 50%, name: »\"a\\nb\"}]", "name holds a control character; write it on one line"},
		{"groups: {a: {count: 1, flow: [{emit: [a], name: »\"a\\e[1A\"}]}}", "name holds a control character; write it on one line"},
		{"groups: {a: {count: 1}}\nslo: [\"max(cpu) < 50% in»\"]", "the name of a phase is missing; write in hold"},
		{"targets: [\"http://h:1\", \"http://h:2\"]\ngroups: {a: {count: 1, send: [{op: all, rate: 1/s}]}}\nslo: [»\"p99(delivery{node=2}) < 1s\"]", "`delivery` would never be measured: there is no target 2; the targets are 0 to 1"},
	},
	"search": {
		{"groups: {a: {count: 10}}\nsearch: {raise: groups.a.count, from: 10, grow: »x1.01}", "the levels would grow by x1.01; write x1.05 to x100"},
		{"groups: {a: {count: 10}}\nsearch: {raise: groups.a.count, from: 10, grow: »2}", `"2" is not a factor; write it like x2 or x1.5`},
		{"groups: {a: {count: 10}}\nsearch: {raise: groups.a.count, from: 10, steps_after: »[" + numbered(100, "%d%%, ") + "101%]}", "101 steps are too many; write at most 99"},
		{"groups: {a: {count: 10}}\nsearch: {raise: groups.a.count, from: »\"10 / 0\"}", `"10 / 0" cannot be computed: the divisor at character 4 is 0; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
		{"groups: {a: {count: 10}}\nsearch: {raise: groups.a.count, from: »\"10s * 2\"}", `"10s * 2" is not a level; write a count such as 1000, a rate such as 10/s, or a size such as 256B`},
	},
	"arithmetic": {
		{"groups: {a: {count: »\"5 + b\"}}", `"5 + b" cannot be computed: "b" at character 5 is unknown; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
		{"groups: {a: {count: »\"1M * 1M * 1M\"}}", "the result is too large; write a smaller one"},
		{"groups: {a: {count: »\"not (1 + 2)\"}}", `"not (1 + 2)" cannot be computed: "not" at character 1 is unknown; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
		{"groups: {a: {count: »\"len(1) + 2\"}}", `"len(1) + 2" cannot be computed: "len" at character 1 is unknown; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
		{"groups: {a: {count: »\"(1 / 0.1) ^ 99\"}}", `"(1 / 0.1) ^ 99" cannot be computed: '^' at character 11 is unknown; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
		{"groups: {a: {count: »\"round(1, 2)\"}}", `"round(1, 2)" cannot be computed: round at character 1 has 2 values; use numbers with their units, + - * / ( ), and min, max, ceil, floor, round`},
	},
	"target": {
		{"target: {url: »\"http://user:word@h:1\"}\ngroups: {a: {count: 1}}", `"http://***@h:1" holds more than an address; put queries and credentials in the groups' query, headers or auth`},
		{"target: {url: »\"http://user:a/word@h:1\"}\ngroups: {a: {count: 1}}", `"http://***@h:1" is not the address of a server; write it like http://host:port (or https, ws, wss), or unix:/path/of.sock`},
		{"server: {adapter: »\"redis://user:word@h:1\"}\ngroups: {a: {count: 1}}", `the address "redis://***@h:1" holds a user, and a scenario is shown to others; leave it out, and set REDIS_USERNAME and REDIS_PASSWORD, or NATS_USER and NATS_PASSWORD, in the environment`},
		{"server: {adapter: »\"unix://user:word@/s\"}\ngroups: {a: {count: 1}}", `the address "unix://***@/s" holds a user, and a scenario is shown to others; leave it out, and set REDIS_USERNAME and REDIS_PASSWORD, or NATS_USER and NATS_PASSWORD, in the environment`},
		{"target: {url: »\"http://h:1/chat\"}\ngroups: {a: {count: 1}}", `"http://h:1/chat" holds a path; put it in path:, and a namespace in the group's namespace:`},
		{"target: {url: »\"http://h:99999\"}\ngroups: {a: {count: 1}}", `"http://h:99999" has no such port; write a port from 1 to 65535`},
		{"target: {url: »\"http://h:0\"}\ngroups: {a: {count: 1}}", `"http://h:0" has no such port; write a port from 1 to 65535`},
		{"target: {url: »\"http://:3000\"}\ngroups: {a: {count: 1}}", `"http://:3000" is not the address of a server; write it like http://host:port (or https, ws, wss), or unix:/path/of.sock`},
		{"target: {url: »\"h:1\"}\ngroups: {a: {count: 1}}", `"h:1" is not the address of a server; write it like http://host:port (or https, ws, wss), or unix:/path/of.sock`},
		{"target: {url: \"http://h:1\", engine: »5}\ngroups: {a: {count: 1}}", `"5" is not a revision of Engine.IO; write 3 for a server of Socket.IO 2, 4 for a later one`},
		{"target: {url: \"http://h:1\", path: »chat}\ngroups: {a: {count: 1}}", `"chat" is not an Engine.IO path; write it like /socket.io/`},
		{"server: {listen: »localhost}\ngroups: {a: {count: 1}}", `"localhost" is not a listen address; write it like 127.0.0.1:3000, or 127.0.0.1:0 for any port`},
		{"server: {slow: »drop}\ngroups: {a: {count: 1}}", "the built-in server does not drop: it drops volatile messages of a slow client, and disconnects a client whose queue is full; write slow: disconnect, and queue_bytes: for the size of the queue"},
	},
	"YAML": {
		{"groups: {a: {count: 1}}\n»&x k: 1", "a key must be plain text; write key: value"},
		{"groups: {a: {count: 1, <<: »5}}", "<< merges mappings, not \"5\"; give it an alias of a mapping, or a list of them"},
		{"groups: {a: {count: 1}}\nabout: »\"never closed", "the quote that begins here is not closed; close it on the line on which it begins"},
		{"groups: {a: {count: 1}}\nabout: »@x", "'@' is a reserved character; put the value in quotes"},
		{"groups: {a: {count: 1}}\nabout: »a: b: c", "a second \": \" stands on this line; put a value that holds \": \" in quotes, or keys with their values in { }"},
		{"groups: {a: {count: 1}}\n---\n»version: 1", "a second document starts here; write one scenario to a file"},
		{"groups:\n»\ta: {count: 1}", "a tab cannot indent; use spaces"},
		{"about: a»\u202eb\ngroups: {a: {count: 1}}", "the character U+202E is not allowed; save the file as plain UTF-8 text"},
		{"groups: {a: {count: 1, auth: {x: " + strings.Repeat("[", 37) + "»[1" + strings.Repeat("]", 38) + "}}}", "nested too deep; a scenario has at most 40 levels"},
	},
}

// numbered writes the numbers from 1 in a form.
func numbered(n int, form string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form, i+1)
	}
	return b.String()
}

func TestSentences(t *testing.T) {
	for family, list := range sentences {
		for _, c := range list {
			before, after, marked := strings.Cut("version: 1\nname: x\n"+c.text+"\n", "»")
			if !marked {
				t.Fatalf("no place in %s", c.text)
			}
			_, err := Parse("x.yaml", []byte(before+after), nil)
			if err == nil {
				t.Errorf("%s: taken:\n%s%s", family, before, after)
				continue
			}
			first := mistakes(t, err)[0]
			line := before[strings.LastIndexByte(before, '\n')+1:]
			want := fmt.Sprintf("x.yaml:%d:%d: %s", 1+strings.Count(before, "\n"), 1+len([]rune(line)), c.want)
			if first.Error() != want {
				t.Errorf("%s:\n%v\nwant\n%s", family, err, want)
			}
		}
	}
}

// Overrides that lead nowhere are mistakes of the command line: they name the override and what the
// file has in its place.
func TestSentencesOfOverrides(t *testing.T) {
	const plain = "version: 1\nname: x\ngroups: {a: {count: 1, send: [{op: all, rate: 1/s}]}}\n"
	for _, c := range []struct{ file, set, want string }{
		{plain, "vars.n=5", "the file has no vars.n; declare it in the file"},
		{plain, "phases.hold.for=5s", "the file has no phases.hold; the usual phases are not in the file; write `phases:` there to change them"},
		{plain, "groups.other.count=5", "the file has no groups.other; write one of a"},
		{plain, "groups.a.send.tick.rate=5/s", `groups.a.send has no item "tick"; write one of all`},
		{plain, "groups.a.count.x=5", "groups.a.count is a single value and has no keys; set groups.a.count itself"},
		{plain, "speed=5", "the file has no variable or key `speed`; did you mean `seed`?"},
		{plain + "matrix: {axes: {size: [1]}}\nabout: $matrix.size\n", "size=5", "the file has no variable or key `size`; write matrix.axes.size=[...]"},
		{plain + "slo: [loss == 0, errors == 0]\n", "slo.5.name=x", `slo has no item "5"; write one of 0 to 1`},
		{plain, "target.engine=5", `"5" is not a revision of Engine.IO; write 3 for a server of Socket.IO 2, 4 for a later one`},
	} {
		key, value, _ := strings.Cut(c.set, "=")
		_, err := Parse("x.yaml", []byte(c.file), map[string]string{key: value})
		if err == nil {
			t.Errorf("--set %s is taken", c.set)
			continue
		}
		want, found := "--set "+c.set+": "+c.want, false
		for _, e := range mistakes(t, err) {
			found = found || e.Error() == want
		}
		if !found {
			t.Errorf("%v\nwant\n%s", err, want)
		}
	}
}
