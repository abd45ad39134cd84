package layout

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/result"
)

func TestCheckInWords(t *testing.T) {
	for _, tt := range []struct {
		check       result.Check
		name, limit string
	}{
		{result.Check{Text: "p99(delivery) < 100ms", Stat: "p99", Metric: "delivery", Op: "<", Limit: 0.1, Unit: "s"}, "p99(delivery)", "< 100 ms"},
		{
			result.Check{Stat: "p95", Metric: "ack", Labels: map[string]string{"op": "x", "group": "g"}, Op: "<=", Limit: 2, Unit: "s", OverS: 10, Phase: "hold"},
			"p95(ack{group=g,op=x})", "<= 2 s over 10 s in hold",
		},
		{result.Check{Stat: "loss", Metric: "delivery", Op: "=="}, "loss(delivery)", "== 0"},
		// A check without a statistic has a name of several words, which must not be cut.
		{result.Check{Text: "the generator's own part of p99(delivery)", Op: "<=", Limit: 0.001, Unit: "s"}, "the generator's own part of p99(delivery)", "<= 1 ms"},
		{result.Check{Text: "a check of an old result"}, "a check of an old result", ""},
	} {
		if got := CheckName(&tt.check); got != tt.name {
			t.Errorf("name %q, want %q", got, tt.name)
		}
		if got := strings.ReplaceAll(CheckLimit(&tt.check), Nbsp, " "); got != tt.limit {
			t.Errorf("limit %q, want %q", got, tt.limit)
		}
	}
}

func TestUnitOfOldChecks(t *testing.T) {
	for want, checks := range map[string][]result.Check{
		"bytes":  {{Metric: "server.rss", Stat: "max"}, {Metric: "delivery", Unit: "bytes"}},
		"share":  {{Metric: "server.cpu", Stat: "max"}, {Stat: "achieved", Metric: "rate"}},
		"s":      {{Metric: "delivery", Stat: "p99.9"}, {Metric: "ack", Stat: "mean"}},
		"":       {{Metric: "connect", Stat: "errors"}, {Stat: "p99"}, {Metric: "delivery", Stat: "p0"}, {Metric: "delivery", Stat: "p100"}, {Metric: "delivery", Stat: "pass"}},
		"points": {{Unit: "points", Metric: "server.rss"}},
	} {
		for _, c := range checks {
			if got := UnitOf(&c); got != want {
				t.Errorf("%+v has the unit %q, want %q", c, got, want)
			}
		}
	}
}

// anyTable has texts of letters and of characters that Markdown takes for its own.
func anyTable(t *rapid.T) Table {
	width := rapid.IntRange(1, 5).Draw(t, "width")
	row := rapid.SliceOfN(rapid.StringMatching(`[a-z|*_<>&\\~\x60\[ µ]{0,8}[a-zµ]`), width, width)
	return Table{Head: row.Draw(t, "head"), Rows: rapid.SliceOfN(row, 1, 6).Draw(t, "rows"), Left: rapid.IntRange(0, width).Draw(t, "left")}
}

// TestTextTableKeepsColumns: every row has its texts in order, and each column ends, or begins, at
// the same place in all rows.
func TestTextTableKeepsColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		var b strings.Builder
		TextTable(&b, table)
		lines := strings.Split(strings.Trim(b.String(), "\n"), "\n")
		if len(lines) != 1+len(table.Rows) {
			t.Fatalf("%d lines for a head and %d rows:\n%s", len(lines), len(table.Rows), b.String())
		}
		at := 0
		for column := range table.Head {
			width := 0
			for _, row := range append([][]string{table.Head}, table.Rows...) {
				width = max(width, len([]rune(row[column])))
			}
			for i, row := range append([][]string{table.Head}, table.Rows...) {
				text := []rune(row[column])
				from := at
				if column >= table.Left {
					from = at + width - len(text)
				}
				line := []rune(lines[i])
				if column == 0 && i == 0 {
					line = []rune(strings.TrimLeft(b.String(), "\n"))
				}
				shown := strings.TrimRight(string(text), " ")
				if got := string(line[min(from, len(line)):min(from+len([]rune(shown)), len(line))]); got != shown {
					t.Fatalf("row %d, column %d: %q, want %q at %d:\n%s", i, column, got, shown, from, b.String())
				}
			}
			at += width + 2
		}
	})
}

// Characters that take two columns of a terminal, or none, leave the others where they belong.
func TestTextTableOfWideText(t *testing.T) {
	var b strings.Builder
	TextTable(&b, Table{Left: 1, Head: []string{"check", "found"}, Rows: [][]string{{"部屋", "7"}, {"cafe\u0301", "部"}, {"👩\u200d👩\u200d👧", "13"}, {"plain", "1"}}})
	want := "check  found\n部屋       7\ncafe\u0301      部\n👩\u200d👩\u200d👧        13\nplain      1\n"
	if got := strings.TrimPrefix(b.String(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUpperFirst(t *testing.T) {
	for text, want := range map[string]string{"": "", "a b": "A b", "über das": "Über das", "p99(lag) < 1ms": "p99(lag) < 1ms", "部屋": "部屋"} {
		if got := UpperFirst(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Text of a server in a comment of a pull request is neither link nor picture, and calls nobody.
func TestMarkdownText(t *testing.T) {
	for text, want := range map[string]string{
		"not you, @org/team":         "not you, @&#8203;org/team",
		"CPU @ 2 GHz":                "CPU @ 2 GHz",
		"![x](http://h) <img src=x>": `!\[x](http://h) &lt;img src=x&gt;`,
		"&#64;org\n# head":           "&amp;#64;org # head",
	} {
		if got := MarkdownText(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}

// TestMarkdownTableKeepsCells: texts with characters of Markdown neither add nor remove a cell.
func TestMarkdownTableKeepsCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		var b strings.Builder
		MarkdownTable(&b, table)
		rows := 0
		for line := range strings.Lines(b.String()) {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			rows++
			bars := strings.Count(strings.NewReplacer(`\\`, "", `\|`, "").Replace(line), "|")
			if bars != len(table.Head)+1 {
				t.Fatalf("%d bars in a row of %d cells: %s", bars, len(table.Head), line)
			}
		}
		if rows != len(table.Rows)+2 {
			t.Fatalf("%d rows, want %d:\n%s", rows, len(table.Rows)+2, b.String())
		}
	})
}

func TestTablesWithoutRows(t *testing.T) {
	var b strings.Builder
	TextTable(&b, Table{Head: []string{"a"}, Note: "n"})
	if b.Len() > 0 {
		t.Errorf("an empty table is written: %q", b.String())
	}
	if ts := Filled(Table{Title: "a"}, Table{Title: "b", Rows: [][]string{{"x"}}}); len(ts) != 1 || ts[0].Title != "b" {
		t.Errorf("%+v", ts)
	}
	if got := Joined("", "a", "", "b"); got != "a b" {
		t.Errorf("%q", got)
	}
}
