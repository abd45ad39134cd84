package bench

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each threat that SECURITY.md lists names tests, and each test that it names is there.
func TestThreatsAreTried(t *testing.T) {
	text, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	reTest := regexp.MustCompile("`((?:Test|Fuzz)\\w+)` \\(([\\w/]+)\\)")
	_, threats, _ := strings.Cut(string(text), "\n## Threats")
	rows := 0
	for line := range strings.Lines(threats) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || cells[0] == "threat" {
			continue
		}
		rows++
		tests := reTest.FindAllStringSubmatch(cells[2], -1)
		if len(tests) != strings.Count(cells[2], "`")/2 || len(tests) == 0 {
			t.Errorf("%q: the tests are not written like `TestName` (folder)", cells[0])
		}
		for _, test := range tests {
			if !declares(t, filepath.Join("..", test[2]), test[1]) {
				t.Errorf("%q: no test %s in %s", cells[0], test[1], test[2])
			}
		}
	}
	if rows < 20 {
		t.Errorf("found %d threats", rows)
	}
}

// declares reports whether a test is in a folder.
func declares(t *testing.T, dir, test string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
