package file

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestArithmetic(t *testing.T) {
	for _, c := range []struct {
		text string
		want quantity
	}{
		{"10 + 2 * 3", quantity{v: 16}},
		{"(10 + 2) * 3", quantity{v: 36}},
		{"-(2 - 5)", quantity{v: 3}},
		{"10 / 4", quantity{v: 2.5}},
		{"1.5k / 3", quantity{v: 500}},
		{"50% * 1M", quantity{v: 500_000}},
		{"200/s * 2", quantity{400, 0, -1}},
		{"100 / 5s", quantity{20, 0, -1}},
		{"60/m + 1k/h*3.6", quantity{2, 0, -1}},
		{"30/s * 1m", quantity{v: 1800}},
		{"1m30s - 30s", quantity{60, 0, 1}},
		{"2 * 500 ms", quantity{1, 0, 1}},
		{"1 / (10/s)", quantity{0.1, 0, 1}},
		{"1KiB + 1kB * 2", quantity{3024, 1, 0}},
		{"1MB / 8KiB * 1B", quantity{1e6 / 8192, 1, 0}},
		{"8KiB/s * 2s", quantity{16384, 1, 0}},
		{"100B * 5/s", quantity{500, 1, -1}},
		{"max(1, 5, 3) + min(2, 1)", quantity{v: 6}},
		{"ceil(7 / 2)", quantity{v: 4}},
		{"floor(7 / 2)", quantity{v: 3}},
		{"round(7 / 2)", quantity{v: 4}},
		{"ceil(0.1 * 30)", quantity{v: 3}}, // though 0.1 * 30 is a little more
		{"floor(0.29 * 100)", quantity{v: 29}},
		{"max(ceil(10 / 3) * 2/s, 1/s)", quantity{8, 0, -1}},
	} {
		got, f := arithmetic(c.text)
		if f != nil || !got.like(c.want) || math.Abs(got.v-c.want.v) > 1e-6*math.Abs(c.want.v) {
			t.Errorf("%s = %+v %v, want %+v", c.text, got, f, c.want)
		}
		if !isArithmetic(c.text) {
			t.Errorf("%s does not pass for arithmetic", c.text)
		}
	}
	for _, text := range []string{
		"1 +", "(1 + 2", "1 + 2)", "1 2", "1 / 0", "1 / (2 - 2)", "1 + 1s", "max()", "ceil(1, 2)", "abs(-1) + 1", "1 + x", "1 // 2", "1 /* 2 */ + 1", "2 ** 3", "2 ^ 3", "10 % 3",
		"1e3 + 1", "0x10 + 1", "true + 1", "[1] + 1", "{a: 1} + 1", `"a" + 1`, "1 ? 2 : 3", "let a = 1; a + 1", "len(1) + 1", "1 > 2", "1 + 8Mb", "_ + 1", "1_000 + 1", "1 in 2", "é + 1",
		strings.Repeat("9", 400) + " * 1", strings.Repeat("1+", 600) + "1", "max(1s, 1)", "1..3", "not 1", "1 + 0.5B", "a.b + 1", "$env + 1", "#x + 1",
	} {
		if got, f := arithmetic(text); f == nil {
			t.Errorf("%s passes as %+v", text, got)
		} else if f.msg == "" || f.hint == "" {
			t.Errorf("%s: %+v", text, f)
		}
	}
	for _, text := range []string{"200/s", "1k/s", "8KiB/s", "-5", "5/sec", "10 000", "0%..100%", "1m30s", "uniform(1s,5s)", "lognormal(80 0.8)", "two/three", "burst(8)"} {
		if isArithmetic(text) {
			t.Errorf("%s passes for arithmetic", text)
		}
	}
}

// What a variable computes is one value where it is used: 1k + 10, halved, is 505 and not 1005.
func TestArithmeticOfVariables(t *testing.T) {
	const text = `
version: 1
name: x
vars: {people: 1k + 10, half: "${people} / 2", rate: 2/m}
groups:
  a: {count: "${half} * 2", rooms: {of: "${half} / 5", join: 2}, send: [{op: room, rate: "${rate} * 3 / ${people} * 1k", size: "100B * 2"}]}
phases: [{name: hold, for: 10s + 5s}]
search: {raise: people, from: 1000}
`
	for _, c := range []struct {
		set       map[string]string
		count, of int
	}{
		{nil, 1010, 101},
		{map[string]string{"people": "2k"}, 2000, 200},
		{map[string]string{"people": "900 + 100"}, 1000, 100},
		{map[string]string{"groups.a.rooms.of": "${half} - 4"}, 1010, 501},
		{map[string]string{"people": "23"}, 23, 2}, // 2.3 rooms: the nearest whole number
	} {
		f, err := Parse("x.yaml", []byte(text), c.set)
		if err != nil {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		g := f.Spec.Groups[0]
		if g.Count != c.count || g.Rooms.Of != c.of {
			t.Errorf("%v: %d clients in %d rooms, want %d in %d", c.set, g.Count, g.Rooms.Of, c.count, c.of)
		}
		if f.Spec.Phases[0].For != 15*time.Second || g.Send[0].Size != 200 {
			t.Errorf("%v: %v of %d bytes", c.set, f.Spec.Phases[0].For, g.Send[0].Size)
		}
		plain, err := f.Resolved("", "")
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("x.yaml", plain, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, plain)
		}
		if r := again.Spec.Groups[0]; r.Count != g.Count || r.Rooms.Of != g.Rooms.Of || r.Send[0].Rate != g.Send[0].Rate {
			t.Errorf("%v: resolved it is another scenario:\n%s", c.set, plain)
		}
	}
	f, err := Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for level, rooms := range map[float64]int{1000: 100, 1037: 104, 4000: 400} {
		at, err := f.At(level, time.Second)
		if err != nil || at.Spec.Groups[0].Rooms.Of != rooms {
			t.Errorf("at %v people there are %d rooms, want %d: %v", level, at.Spec.Groups[0].Rooms.Of, rooms, err)
		}
	}
}

// A search may raise a key that is computed, and each cell of a matrix computes its own.
func TestArithmeticInSearchAndMatrix(t *testing.T) {
	f, err := Parse("x.yaml", []byte("version: 1\nname: x\nvars: {n: 50}\ngroups: {a: {count: $n * 2}}\nsearch: {raise: groups.a.count, from: 2 * 10, to: \"${n} * 4\"}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := f.Spec.Search; s.From != 20 || s.To != 200 || f.Spec.Groups[0].Count != 100 {
		t.Errorf("%+v of %d clients", s, f.Spec.Groups[0].Count)
	}
	f, err = Parse("x.yaml", []byte("version: 1\nname: x\nmatrix: {axes: {n: [10, 20 + 10]}}\ngroups: {a: {count: \"$matrix.n * 2\"}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, c := range f.Cells() {
		counts = append(counts, c.Spec.Groups[0].Count)
	}
	if fmt.Sprint(counts) != "[20 60]" {
		t.Errorf("%v", counts)
	}
}

// No text makes the evaluation panic, and a result is a number.
func FuzzArithmetic(f *testing.F) {
	for _, text := range []string{"(1k + 10) / 20", "max(2/m * 3, 1/s)", "1KiB/s * 2s - -1B", "ceil(1 / 3)", "1 2", "((((1))))", "max(1,,2)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, bad := arithmetic(text)
		if bad == nil && (math.IsNaN(q.v) || math.IsInf(q.v, 0)) {
			t.Fatalf("%q is %v", text, q.v)
		}
		if bad != nil && (bad.msg == "" || strings.Contains(bad.msg, "\n")) {
			t.Fatalf("%q: %q", text, bad.msg)
		}
		if isArithmetic(text) && bad == nil {
			again, bad := arithmetic("(" + text + ") * 1")
			if bad == nil && again != q {
				t.Fatalf("%q is %+v, in parentheses %+v", text, q, again)
			}
		}
	})
}
