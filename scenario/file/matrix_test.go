package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the axes and exclusions: every combination that is not excluded runs as often as it
// should, in the order that is asked for.
func TestEveryCombinationRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		axes, names := map[string][]string{}, []string{}
		for i := range rapid.IntRange(1, 3).Draw(t, "axes") {
			name := fmt.Sprintf("a%d", i)
			names = append(names, name)
			for j := range rapid.IntRange(1, 4).Draw(t, "values") {
				axes[name] = append(axes[name], fmt.Sprintf("%d", 10*i+j+1))
			}
		}
		var excluded []map[string]string
		for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
			ex := map[string]string{}
			for _, name := range names {
				if rapid.Bool().Draw(t, "with") {
					ex[name] = rapid.SampledFrom(axes[name]).Draw(t, "value")
				}
			}
			if len(ex) > 0 {
				excluded = append(excluded, ex)
			}
		}
		want := map[string]bool{}
		all := []map[string]string{{}}
		for _, name := range names {
			var next []map[string]string
			for _, p := range all {
				for _, v := range axes[name] {
					q := maps.Clone(p)
					q[name] = v
					next = append(next, q)
				}
			}
			all = next
		}
		for _, p := range all {
			if !slices.ContainsFunc(excluded, func(ex map[string]string) bool {
				for k, v := range ex {
					if p[k] != v {
						return false
					}
				}
				return true
			}) {
				want[fmt.Sprint(p)] = true
			}
		}
		repeat := rapid.IntRange(1, 3).Draw(t, "repeat")
		order := rapid.SampledFrom(orders).Draw(t, "order")
		text := scenarioOf(names, axes, excluded, repeat, order)
		f, err := Parse("x.yaml", []byte(text), nil)
		if len(want) == 0 {
			if err == nil || !strings.Contains(err.Error(), "the exclusions leave no combination") {
				t.Fatalf("%v\n%s", err, text)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		cells := f.Cells()
		if len(cells) != repeat*len(want) {
			t.Fatalf("%d cells, want %d of %d trials\n%s", len(cells), len(want), repeat, text)
		}
		trials := map[string]int{}
		for i, c := range cells {
			key := fmt.Sprint(c.Spec.Params)
			if trials[key]++; !want[key] || c.Trial != trials[key] {
				t.Fatalf("cell %d is trial %d of %s", i, c.Trial, key)
			}
			if round := i / len(want); order != "blocked" && c.Trial != round+1 {
				t.Fatalf("%s: cell %d is trial %d", order, i, c.Trial)
			}
			if first := cells[i-i%repeat]; order == "blocked" && fmt.Sprint(first.Spec.Params) != key {
				t.Fatalf("blocked: cell %d is of %s", i, key)
			}
			for k, v := range c.Spec.Params { // each group has as many clients as its axis says
				if g := c.Spec.Groups[slices.Index(names, k)]; fmt.Sprint(g.Count) != v {
					t.Fatalf("the group of %s=%s has %d clients", k, v, g.Count)
				}
			}
		}
	})
}

func scenarioOf(names []string, axes map[string][]string, excluded []map[string]string, repeat int, order string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nname: x\nmatrix:\n  repeat: %d\n  order: %s\n  axes:\n", repeat, order)
	for _, name := range names {
		fmt.Fprintf(&b, "    %s: [%s]\n", name, strings.Join(axes[name], ", "))
	}
	b.WriteString("  exclude: [")
	for i, ex := range excluded {
		if i > 0 {
			b.WriteString(", ")
		}
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(ex)) {
			parts = append(parts, k+": "+ex[k])
		}
		b.WriteString("{" + strings.Join(parts, ", ") + "}")
	}
	b.WriteString("]\ngroups:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  g%s: {count: $matrix.%s}\n", name, name)
	}
	return b.String()
}

// A mistake that only some combinations have names the first of them; one that all have names none.
func TestMistakesOfCells(t *testing.T) {
	const text = "version: 1\nname: x\nmatrix: {axes: {n: [1, x, 2, y]}}\ngroups: {a: {count: $matrix.n, cuont: 1}}\n"
	_, err := Parse("x.yaml", []byte(text), nil)
	if err == nil {
		t.Fatal("no error")
	}
	got := err.Error()
	for _, want := range []string{
		"x.yaml:4:21: \"x\" is not a count (from $matrix.n) (in the cell n=x); write digits",
		"x.yaml:4:21: \"y\" is not a count (from $matrix.n) (in the cell n=y); write digits",
		"x.yaml:4:32: unknown key `cuont` in a group; did you mean `count`?",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%d times %s in\n%s", strings.Count(got, want), want, got)
		}
	}
	if strings.Contains(got, "cuont` in a group (in") {
		t.Errorf("a mistake of all cells names one:\n%s", got)
	}
}

// A value that would move the cursor of a terminal is substituted as it is, and names its cell with
// escapes.
func TestValuesOfAxesAreVisible(t *testing.T) {
	f := parsed(t, `matrix: {axes: {by: ["\e[8m", "\n", "x\u200b", "x\u200dy"]}, exclude: [{by: "\n"}]}
groups: {a: {count: 1, auth: {by: "${matrix.by}"}}}`)
	var got []string
	for _, c := range f.Cells() {
		got = append(got, c.Spec.Params["by"], c.Spec.Groups[0].Auth.Parts[0])
	}
	if want := []string{`\x1b[8m`, `{"by":"\u001b[8m"}`, `x\u200b`, "{\"by\":\"x\u200b\"}", "x\u200dy", "{\"by\":\"x\u200dy\"}"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
