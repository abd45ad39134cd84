package file

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// places are scenarios with a value @ at each place where templates stand, and the spot that it is.
var places = map[string]struct {
	at   spot
	text string
}{
	"namespace":       {inHandshake, "groups: {a: {count: 1, namespace: \"/@\"}}"},
	"auth":            {inHandshake, "groups: {a: {count: 1, auth: {x: @}}}"},
	"query":           {inHandshake, "groups: {a: {count: 1, query: {x: @}}}"},
	"headers":         {inHandshake, "groups: {a: {count: 1, headers: {X-A: @}}}"},
	"data of a room":  {inRoomData, "groups: {a: {count: 1, rooms: {of: 2}, send: [{data: {x: @}, op: room, rate: 1/s}]}}"},
	"data of all":     {inData, "groups: {a: {count: 1, send: [{op: all, rate: 1/s, data: {x: @}}]}}"},
	"data of echo":    {inData, "groups: {a: {count: 1, send: [{op: echo, rate: 1/s, data: {x: @}}]}}"},
	"data of emit":    {inData, "groups: {a: {count: 1, send: [{op: emit, event: e, rate: 1/s, data: {x: @}}]}}"},
	"join":            {inJoin, "contract: {join: {emit: [e, @]}}\ngroups: {a: {count: 1}}"},
	"leave":           {inJoin, "contract: {leave: {emit: [e, @]}}\ngroups: {a: {count: 1}}"},
	"operation":       {inOperation, "contract: {operations: {o: {emit: [e, @], to: none}}}\ngroups: {a: {count: 1}}"},
	"emit":            {inFlow, "groups: {a: {count: 1, flow: [{emit: [e, @], ack: 1s, capture: {said: $}}]}}"},
	"match":           {inFlow, "groups: {a: {count: 1, flow: [{wait: {event: e, match: {$: @}}, capture: {said: $}}]}}"},
	"match of a call": {inMatch, "groups: {a: {count: 1, send: [{op: all, rate: 1/s, ack: 1s, match: {$: @}}]}}"},
	"joined":          {inFlow | inRepeat, "groups: {a: {count: 1, flow: [{emit: [e], ack: 1s, capture: {said: $}}, {repeat: {times: 2, steps: [{join: @}]}}]}}"},
	"URL":             {inFlow, "groups: {a: {count: 1, flow: [{emit: [e], ack: 1s, capture: {said: $}}, {http: {get: \"/@\"}}]}}"},
	"body":            {inFlow, "groups: {a: {count: 1, flow: [{emit: [e], ack: 1s, capture: {said: $}}, {http: {post: /x, headers: {X: @}, body: [@]}}]}}"},
	"audience":        {inAudience, "audiences: {user: @}\ngroups: {a: {count: 1}}"},
	"answer":          {inReact, "groups: {a: {count: 1, react: {e: {ack: @, emit: [x, @]}}}}"},
	"count":           {0, "groups: {a: {count: @}}"},
	"event":           {0, "groups: {a: {count: 1, send: [{op: all, rate: 1/s, event: @}]}}"},
	"about":           {0, "about: @\ngroups: {a: {count: 1}}"},
	"target":          {0, "target: {url: \"http://@\"}\ngroups: {a: {count: 1}}"},
	"check":           {0, "slo: [\"max(cpu) < @\"]\ngroups: {a: {count: 1}}"},
	"prefix":          {0, "groups: {a: {count: 1, rooms: {of: 1, prefix: @}}}"},
	"axis":            {0, "matrix: {axes: {n: [@]}}\ngroups: {a: {count: 1}}"},
}

// Every name of the table can stand where the table says, and nowhere else; a refusal says where.
func TestTemplateNames(t *testing.T) {
	t.Setenv("OF_TEST", "12345678")
	written := map[string]string{"FILE.COLUMN": "users.name", "NAME": "said", rowPeer: "peer.client.index", "env.NAME": "env.OF_TEST", rowRandom: "random(1 6)", rowPick: "pick(a b c)", rowCounter: "counter.n", rowEvent: "event.id"}
	for _, row := range templateNames {
		name := row.name
		if w, ok := written[name]; ok {
			name = w
		}
		for what, p := range places {
			text := "version: 1\nname: x\ncounters: {n: 1}\ndata: {users: {csv: u.csv}}\n" + strings.ReplaceAll(p.text, "@", "$"+name) + "\n"
			_, err := Parse("x.yaml", []byte(text), nil)
			refused := err != nil && (strings.Contains(err.Error(), "`${"+name+"}` cannot be used here; it can be used only in ") || strings.Contains(err.Error(), "unknown variable `"+name+"`"))
			if may := row.in&p.at != 0; may == refused {
				t.Errorf("$%s in %s: %v", name, what, err)
			}
		}
	}
}

// Variables can stand everywhere.
func TestVariablesStandEverywhere(t *testing.T) {
	for what, p := range places {
		text := "version: 1\nname: x\nvars: {v: 10}\n" + strings.ReplaceAll(p.text, "@", "$v") + "\n"
		if _, err := Parse("x.yaml", []byte(text), nil); err != nil && (strings.Contains(err.Error(), "cannot be used here") || strings.Contains(err.Error(), "unknown variable")) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The table of the manual is the parser's.
func TestManualHasTheNames(t *testing.T) {
	manual, err := os.ReadFile("../../scenarios/README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(manual), "\n")
	for _, row := range templateNames {
		want := "| `${" + row.name + "}` | " + row.about + " | " + row.in.words() + " |"
		if !slices.Contains(lines, want) {
			t.Errorf("scenarios/README.md lacks the line\n%s", want)
		}
	}
}
