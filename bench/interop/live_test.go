//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// watched starts a run with a live page, and returns the page's address and what the run ends with.
func watched(t *testing.T, args ...string) (url string, ended <-chan error) {
	t.Helper()
	args = append([]string{"run", "testdata/live.yaml", "--live", "127.0.0.1:0", "--out", filepath.Join(t.TempDir(), "out"), "--set", "valid=" + fitAnywhere}, args...)
	cmd := exec.Command(throng, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var said bytes.Buffer
	for url == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		_, url, _ = strings.Cut(lines.Text(), "live on ")
	}
	end := make(chan error, 1)
	go func() {
		for lines.Scan() { // the rest is progress
		}
		end <- cmd.Wait()
		close(end)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if it has not ended
		for range end {
		}
	})
	if url == "" {
		t.Fatalf("%s names no page:\n%s", cmd, said.Bytes())
	}
	return url, end
}

// TestLivePage watches a run in Chromium from its beginning, joins a second time late, and reads
// the report when the run is gone.
func TestLivePage(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name string
		args []string
	}{
		{"websocket", nil},
		{"official client", []string{"--live-client", "node_modules/socket.io-client/dist"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			early := browser(t) // it takes its time to start
			late := early.another()
			for hold := 8 * time.Second; !follow(early, late, hold, way.args); hold *= 4 {
				if hold > time.Minute {
					t.Fatal("the first trial is over before it is seen")
				}
			}
		})
	}
}

// follow watches a run of two trials of such a length. It returns false when the first one was over
// before a slow browser showed it.
func follow(early, late *tab, hold time.Duration, args []string) bool {
	t := early.t
	t.Helper()
	const first = "trial 1 of 2 (fanout=batched)"
	url, ended := watched(t, append([]string{"--set", "phases.hold.for=" + hold.String()}, args...)...)
	on(early, chromedp.Navigate(url))
	early.see("watched", "to be looked at", "connected", "left in all")
	if official := on(early, chromedp.Evaluate[bool](`typeof io === 'function'`)); official != (len(args) > 0) {
		t.Errorf("the official client is in use: %v", official)
	}
	early.until(`points.length >= 5`, "five seconds of the trial")
	if !strings.Contains(early.shown(), first) {
		return false
	}
	tile := func(second int) string {
		return on(early, chromedp.Evaluate[string](fmt.Sprintf(`percentileTile({metric: 'delivery', p99_us: 44100, last: {p99_us: %d}}, 'p99').innerHTML.replace(/<[^>]*>/g, '|')`, second)))
	}
	// A second with too few samples has no percentile of its own, and shows no other's as its own.
	if both, few := tile(7000), tile(0); both != "|p99 delivery||7.00 ms||so far: 44.1 ms|" || few != "|p99 delivery||44.1 ms||so far; few samples a second|" {
		t.Errorf("the tile of a percentile says %q, and without samples enough %q", both, few)
	}
	on(late, chromedp.Navigate(url))
	late.until(`points.length >= 5 && points[0].t === 0`, "what was before the late viewer came")
	late.see("p99(delivery) < 1us", "recording", "1 failing")
	late.until(`document.querySelectorAll('#latency path').length >= 3`, "lines in the chart of latencies")
	late.shot("live-" + filepath.Base(t.Name()))
	late.see("trial 2 of 2 (fanout=serial)", "Trials that have ended")

	for _, b := range []*tab{early, late} {
		b.see("Open the report", "p99(delivery) < 1us: ", "ended", "report.html")
		if strange := on(b, chromedp.Evaluate[int](`performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin) && !e.name.startsWith('data:')).length`)); strange != 0 {
			t.Errorf("the page made %d requests elsewhere", strange)
		}
	}
	select {
	case err := <-ended:
		if err == nil || err.Error() != "exit status 1" {
			t.Errorf("the run ended with %v, want exit status 1", err)
		}
	case <-time.After(4 * patience):
		t.Fatal("the run does not end")
	}
	// The process is gone; the page still has the report.
	late.until(`document.getElementById('link').textContent === 'ended'`, "the page to notice the end")
	on(late, chromedp.Evaluate[chromedp.Void](`location.href = document.getElementById('report').href`))
	late.see("Throng load test", "How it was measured", "fanout")
	return true
}

// TestLivePageOnSmallScreens looks for what sticks out of a phone's screen.
func TestLivePageOnSmallScreens(t *testing.T) {
	t.Parallel()
	url, _ := watched(t, "--set", "phases.hold.for=10m")
	b := browser(t)
	for _, width := range []int64{360, 768, 1280} {
		on(b, chromedp.EmulateViewport(width, 800))
		on(b, chromedp.Navigate(url))
		b.until(`points.length >= 1`, "the first second")
		if shown := on(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); shown > width {
			t.Errorf("the page is %d wide on a screen of %d", shown, width)
		}
	}
}
