package scenario

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/result"
)

const drawn = `
version: 1
name: t
seed: SEED
counters: {orders: 100, rest: 0}
target: {url: "http://127.0.0.1:1"}
groups:
  a: {count: 9, auth: {id: "${uuid}", again: "${uuid}", dice: "$random(1 6)", text: "no ${random(1,6)}", f: $random(0.5 1.25), one: $pick(red 5 true), n: $counter.orders, m: "${counter.rest}", x: $random(-3 -1)}}
  b: {count: 9, auth: {id: "${uuid}", again: "${uuid}", dice: $random(1 6)}}
  c: {count: 9, send: [{op: all, rate: 1/s, data: {id: "${uuid}"}}]}
`

type drawnAuth struct {
	ID, Again string
	Dice      any
	Text      string
	F         float64
	One       any
	N         int
	M         string
	X         int
}

func drawnOf(t *testing.T, seed string) *trial {
	t.Helper()
	return trialOf(t, withData(t, strings.Replace(drawn, "SEED", seed, 1), nil))
}

func authOf(t *testing.T, g *group, client int) (a drawnAuth) {
	t.Helper()
	text := g.config(&user{}, client, 0).Auth
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return a
}

var reUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// A draw has the form and the type that its place asks for, and all its values come.
func TestDraws(t *testing.T) {
	tr := drawnOf(t, "1")
	ids, dice, texts, decimals, picked, below := map[string]bool{}, map[float64]bool{}, map[string]bool{}, map[float64]bool{}, map[any]bool{}, map[int]bool{}
	const clients = 400
	for client := range clients {
		a := authOf(t, tr.groups[0], client)
		ids[a.ID], ids[a.Again] = true, true
		if !reUUID.MatchString(a.ID) {
			t.Fatalf("%s is no UUID", a.ID)
		}
		d, number := a.Dice.(string) // in quotes, so a text
		if !number || len(d) != 1 {
			t.Fatalf("the dice show %v", a.Dice)
		}
		texts[a.Text], decimals[a.F], picked[a.One], below[a.X] = true, true, true, true
		b := authOf(t, tr.groups[1], client)
		v, _ := b.Dice.(float64)
		dice[v] = true
		ids[b.ID], ids[b.Again] = true, true
		if a.N != 100 || a.M != "0" {
			t.Fatalf("the first use of the counters gave %d and %s", a.N, a.M)
		}
	}
	if len(ids) != 4*clients {
		t.Errorf("%d different UUIDs, want %d", len(ids), 4*clients)
	}
	for name, got := range map[string]int{"dice": len(dice), "texts": len(texts)} {
		if got != 6 {
			t.Errorf("%s: %d values, want 6: %v %v", name, got, dice, texts)
		}
	}
	if !dice[1] || !dice[6] || !texts["no 1"] || !texts["no 6"] {
		t.Errorf("the limits did not come: %v %v", dice, texts)
	}
	if len(decimals) != 76 || !decimals[0.5] || !decimals[1.25] {
		t.Errorf("%d decimals from 0.50 to 1.25, want 76", len(decimals))
	}
	if len(picked) != 3 || !picked["red"] || !picked[5.0] || !picked[true] {
		t.Errorf("picked %v", picked)
	}
	if len(below) != 3 || !below[-3] || !below[-1] {
		t.Errorf("from -3 to -1: %v", below)
	}
}

// The same seed, group, client and message draw the same; each of them draws something else.
func TestDrawsArePure(t *testing.T) {
	first, again, other := drawnOf(t, "1"), drawnOf(t, "1"), drawnOf(t, "2")
	id := func(tr *trial, g, client int) string { return authOf(t, tr.groups[g], client).ID }
	if a, b := id(first, 0, 3), id(again, 0, 3); a != b {
		t.Errorf("%s, and in another run %s", a, b)
	}
	if a, b := id(first, 0, 3), id(first, 0, 3); a != b {
		t.Errorf("%s, and at the next connection %s", a, b)
	}
	all := []string{id(first, 0, 3), id(other, 0, 3), id(first, 1, 3), id(first, 0, 4)}
	s := first.streams[0]
	for n := range uint64(3) {
		s.fill.message = n
		all = append(all, string(s.custom.append(nil, &s.fill)))
	}
	if slices.Sort(all); len(slices.Compact(all)) != 7 {
		t.Errorf("some are the same: %q", all)
	}
}

// What a stream draws costs no allocation.
func TestDrawsDoNotAllocate(t *testing.T) {
	tr := trialOf(t, withData(t, `
version: 1
name: t
counters: {n: 1}
target: {url: "http://127.0.0.1:1"}
groups:
  a: {count: 1, send: [{op: all, rate: 1/s, data: {id: "${uuid}", d: $random(1 6), f: $random(0.5 1.5), p: $pick(a b c), n: $counter.n, t: $now}}]}
`, nil))
	s := tr.streams[0]
	buf := s.custom.append(make([]byte, 0, 1024), &s.fill)
	if n := testing.AllocsPerRun(100, func() {
		s.fill.message++
		buf = s.custom.append(buf[:0], &s.fill)
	}); n != 0 {
		t.Errorf("%g allocations a message", n)
	}
	if !json.Valid(buf) {
		t.Errorf("%s", buf)
	}
}

const drawnFlow = `
version: 1
name: t
counters: {n: 1}
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 2
    flow:
      - repeat:
          times: 2
          steps:
            - {emit: [outer, $loop.index, $counter.n, "${uuid}"], ack: 1s}
            - {repeat: {times: 2, steps: [{emit: [inner, $loop.index], ack: 1s}]}}
            - {emit: [after, $loop.index, "at ${now.iso}"], ack: 1s}
    react:
      ask: {ack: ["${event}", "${event.id}", $event.id, "${event[1][0]}", "<${event.none}>", $event.none, "${event['user name']}"], emit: [told, "${event.id}", "${uuid}", $counter.n]}
phases: [{name: all, for: 1s}]
valid: [max(rss) < 1000GiB]
`

// A flow counts its rounds, and a reaction answers with values of its event.
func TestDrawsOfFlowsAndReactions(t *testing.T) {
	t.Parallel()
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, event string, _ []byte) {
		if event == "after" {
			c.deliver(fakePacket{text: []byte(`27["ask",{"id":"a\"b","user name":5},[{"x":1.50}]]`)})
		}
		if p.HasID {
			c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[]", p.ID)})
		}
	})
	cell := play(t, &s.fakeServer, drawnFlow)
	if cell.Verdict != result.Pass || len(cell.Errors) != 0 {
		t.Errorf("verdict %s %s, errors %v", cell.Verdict, cell.Reason, cell.Errors)
	}
	for want, n := range map[string]int{
		"outer 0,1,": 2, "outer 1,": 2, "inner 0": 4, "inner 1": 4, `after 0,"at 20`: 2, `after 1,"at 20`: 2, "after": 4, "told": 4,
		`ack 7 ["ask","a\"b","a\"b","{\"x\":1.50}","<>",null,"5"]`: 4, `told "a\"b","`: 4,
	} {
		if got := s.heardOf(want); len(got) != n {
			t.Errorf("%s: %d times, want %d; heard %q", want, len(got), n, s.heard)
		}
	}
	ids, numbers := map[string]bool{}, map[string]int{}
	for _, h := range append(s.heardOf("outer"), s.heardOf("told")...) {
		fields := strings.Split(h, ",")
		last := fields[2]
		if strings.HasPrefix(h, "told") {
			last, numbers[fields[2]] = fields[1], numbers[fields[2]]+1
		} else {
			numbers[fields[1]]++
		}
		ids[last] = true
	}
	if len(ids) != 8 {
		t.Errorf("%d different UUIDs in 4 messages and 4 reactions: %v", len(ids), ids)
	}
	// Each of the two clients counts for itself, in its flow and its reactions together.
	if fmt.Sprint(numbers) != "map[1:2 2:2 3:2 4:2]" {
		t.Errorf("counted %v", numbers)
	}
}
