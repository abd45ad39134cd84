package file

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A size that is written can be read again, and is the same number of bytes.
func TestSizesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 5000), rapid.IntRange(0, 1<<40)).Draw(t, "bytes")
		text := FormatSize(float64(n))
		if back, ok := ParseSize(text); !ok || back != n {
			t.Fatalf("%d bytes are written %s, which is read as %d, %v", n, text, back, ok)
		}
	})
	for _, bad := range []string{"", "5", "B", "-5B", "5Mb", "1.5B", "99999999GiB", "5 bytes"} {
		if n, ok := ParseSize(bad); ok {
			t.Errorf("%q is read as %d bytes", bad, n)
		}
	}
}

// Levels of a search are written in their unit, and read again as the same level, also where they
// are computed.
func TestLevelsReadBack(t *testing.T) {
	for text, want := range map[string]searchLevel{
		"1000": {1000, LevelCount}, "10k": {10_000, LevelCount}, "20/s": {20, LevelRate}, "30/m": {0.5, LevelRate}, "1KiB": {1024, LevelSize}, "150%": {1.5, LevelShare},
		"10 * 20": {200, LevelCount}, "7 / 2": {4, LevelCount}, "10/s * 3": {30, LevelRate}, "100 / 5s": {20, LevelRate}, "1KiB + 24B": {1048, LevelSize},
	} {
		got, f := parseLevel(text)
		if f != nil || got != want {
			t.Errorf("%s is the level %+v, want %+v: %v", text, got, want, f)
			continue
		}
		s := &Search{Unit: got.unit}
		if back, f := parseLevel(s.Format(got.at)); f != nil || back != want {
			t.Errorf("%s is written %s, which is %+v: %v", text, s.Format(got.at), back, f)
		}
	}
}

// The spread and the number of nodes are the target's, or the built-in server's.
func TestSpreadOfNodes(t *testing.T) {
	for _, c := range []struct {
		where, spread string
		nodes         int
	}{
		{"", SpreadRoundRobin, 1},
		{"server: {nodes: 3, spread: first}", "first", 3},
		{"target: {url: \"http://h:1\"}", "", 1},
		{"targets: [\"http://h:1\", \"http://h:2\"]", SpreadRoundRobin, 2},
		{"targets: {urls: [\"http://h:1\", \"http://h:2\"], spread: by group}", "by group", 2},
	} {
		f, err := Parse("x.yaml", []byte("version: 1\nname: x\ngroups: {a: {count: 1}}\n"+c.where+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, spread := f.Spec.Nodes(), f.Spec.Spread(); n != c.nodes || spread != c.spread {
			t.Errorf("%s: %d nodes, %q", c.where, n, spread)
		}
	}
}

// A draw that the parser takes is the one that a runner makes of the hole.
func TestDrawsOfHoles(t *testing.T) {
	f, err := Parse("x.yaml", []byte("version: 1\nname: x\ncounters: {first: 1, second: 5}\ngroups: {a: {count: 1}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for hole, want := range map[string]string{
		DrawUUID: "uuid 0 0 0 0", DrawNow: "now 0 0 0 0", "random(1,6)": "random 1 6 0 0", "random(0.25, 1.5)": "random 0.25 1.5 2 0",
		"pick(a, 5)": "pick 0 0 0 2", "counter.second": "counter 0 0 0 0 at 1",
	} {
		d, ok := f.Spec.Draw(hole)
		got := fmt.Sprint(d.Kind, " ", d.Low, " ", d.High, " ", d.Decimals, " ", len(d.Choices))
		if d.Kind == DrawCounter {
			got += fmt.Sprint(" at ", d.Counter)
		}
		if !ok || got != want {
			t.Errorf("%s is %q, %v, want %q", hole, got, ok, want)
		}
	}
	for _, other := range []string{HoleClient, "users.name", "counter.third", "random(6,1)", "pick(a)"} {
		if d, ok := f.Spec.Draw(other); ok {
			t.Errorf("%s is drawn: %+v", other, d)
		}
	}
}

// Where the stamp of an operation is looked for, and whether its payload may come changed, follow
// from its keys.
func TestPlacesOfOperations(t *testing.T) {
	for keys, want := range map[string]string{
		`emit: [e, $payload]`:                               "anywhere, whole",
		`emit: [e, $payload], stamp: "$[0].a"`:              "$[0].a, whole",
		`emit: [e, $payload], changes: true`:                "anywhere, changed",
		`emit: [e, $stamp, x], correlate: "$[0].id"`:        "$[0].id, changed",
		`emit: [e, $payload], to: room, stamp: "$[1]['b']"`: "$[1]['b'], whole",
	} {
		if !strings.Contains(keys, "to:") {
			keys += ", to: all"
		}
		f, err := Parse("x.yaml", []byte("version: 1\nname: x\ngroups: {a: {count: 1}}\ncontract: {operations: {o: {"+keys+"}}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		o := f.Spec.Contract.Of("o")
		got := "anywhere"
		if p := o.Place(); p != nil {
			got = p.Text
		}
		got += map[bool]string{true: ", changed", false: ", whole"}[o.AltersPayload()]
		if got != want || !o.Carries() {
			t.Errorf("%s: %s, want %s; carries %v", keys, got, want, o.Carries())
		}
	}
}
