package server

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The table of README.md tells the default of every limit.
func TestDefaultsAreThoseOfTheTable(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| limit | default | |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	opts, err := Options{Recovery: &Recovery{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		names := regexp.MustCompile("`([A-Za-z.]+)`").FindAllStringSubmatch(cells[1], -1)
		values := strings.Split(cells[2], ", ")
		for i, name := range names {
			from := reflect.ValueOf(opts)
			if strings.HasPrefix(names[0][1], "Recovery.") {
				from = reflect.ValueOf(*opts.Recovery)
			}
			field := from.FieldByName(strings.TrimPrefix(name[1], "Recovery."))
			if !field.IsValid() {
				t.Errorf("there is no option %s", name[1])
				continue
			}
			told[name[1]] = true
			want := strings.TrimSpace(values[min(i, len(values)-1)])
			if got := field.Interface(); got != documented(t, want) && field.Kind() != reflect.Bool {
				t.Errorf("the default of %s is %v, the table says %s", name[1], got, want)
			}
		}
	}
	for f := range reflect.TypeFor[Options]().Fields() {
		if limit := regexp.MustCompile("^(Max|Queue)|Timeout$").MatchString(f.Name); limit && !told[f.Name] && f.Name != "PingTimeout" && f.Name != "UpgradeTimeout" {
			t.Errorf("%s is not in the table", f.Name)
		}
	}
}

// documented reads a number as the table writes it.
func documented(t *testing.T, s string) any {
	t.Helper()
	s, unit := strings.ReplaceAll(strings.TrimSuffix(s, " bytes"), " ", ""), 1
	for name, size := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
		if rest, ok := strings.CutSuffix(s, name); ok {
			s, unit = rest, size
		}
	}
	if s == "none" {
		return 0
	}
	if d, err := time.ParseDuration(s); err == nil {
		return d
	}
	n, err := strconv.Atoi(s)
	if err != nil && !strings.HasPrefix(s, "off") {
		t.Errorf("%q is no number", s)
	}
	return n * unit
}
