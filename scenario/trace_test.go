package scenario

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	play(t, &fakeServer{}, strings.Replace(broadcast, "name: t\n", "name: t\ntrace: 2\n", 1), func(o *Options) { o.TraceDir = dir })
	text, err := os.ReadFile(filepath.Join(dir, "trace.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line, n := range map[string]int{
		`viewers/0 \+ websocket`: 1, `viewers/1 < event "msg" {"\$b":".*`: 100, `speaker/0 > 2\["all","msg",{"\$b":".*,true\]`: 100, `viewers/[01] - client: .*`: 2,
	} {
		if got := regexp.MustCompile(`(?m)^\d+\.\d{6} `+line+"$").FindAllString(string(text), -1); len(got) != n {
			t.Errorf("%s: %d times, want %d", line, len(got), n)
		}
	}
	if strings.Contains(string(text), "viewers/2 ") {
		t.Error("a third client is in it")
	}
}
