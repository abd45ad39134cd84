//go:build interop

package interop

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestView browses saved runs in Chromium as a user would: find one, read it, set two against each
// other.
func TestView(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	for _, name := range []string{"before", "after"} {
		cmd := runCommand("testdata/live.yaml", filepath.Join(out, name), "--set", "phases.hold.for=2s")
		if printed, err := cmd.CombinedOutput(); err == nil || err.Error() != "exit status 1" { // its latency check cannot hold
			t.Fatalf("%s: %v\n%s", cmd, err, printed)
		}
	}
	cmd := exec.Command(throng, "view", out, "--listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("throng view ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line[strings.Index(line, "http://"):])

	b := browser(t)
	on(b, chromedp.Navigate(url))
	b.see("2 of 2 runs", "before", "after", "compare by fanout")
	b.shot("view-list")
	fits := func(what string) {
		t.Helper()
		for _, width := range []int64{360, 1280} {
			on(b, chromedp.EmulateViewport(width, 900))
			if shown := on(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); shown > width {
				t.Errorf("%s is %d wide on a screen of %d", what, shown, width)
			}
		}
	}
	fits("the list")

	// Find one and read it: its tables can be sorted, which takes the page's script.
	on(b, chromedp.Evaluate[chromedp.Void](`document.querySelector('input[type=search]').value = 'after'`))
	b.press("Filter")
	b.see("1 of 2 runs")
	on(b, chromedp.Evaluate[chromedp.Void](`setTimeout(() => document.querySelector('h2 a').click())`))
	b.see("Throng load test", "all results", "How it was measured")
	b.until(`document.querySelector('thead th button') !== null`, "headings to sort by")
	// Printed, it has the warnings that are folded away on the screen.
	on(b, chromedp.Evaluate[chromedp.Void](`document.body.insertAdjacentHTML('beforeend', '<div class="warnings"><details id="more"></details></div>'); window.dispatchEvent(new Event('beforeprint'))`))
	b.until(`document.getElementById('more').open`, "the warnings to be unfolded for printing")

	// Two runs over each other: the newest is chosen beforehand, with the one before it as its
	// base.
	on(b, chromedp.Navigate(url))
	b.press("Compare")
	b.see("after against before", "Overview", "trials")
	on(b, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('details').forEach(d => d.open = true)`))
	b.see("Both sides over time", "Delivery by percentile", "Receiver curves")
	b.shot("view-compare")
	fits("the comparison")

	// Two cells of one run.
	on(b, chromedp.Navigate(url+"compare?base=after%23fanout%3Dbatched&new=after%23fanout%3Dserial"))
	b.see("serial against batched", "Both sides over time")
	if strange := on(b, chromedp.Evaluate[int](`performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length`)); strange != 0 {
		t.Errorf("the page made %d requests elsewhere", strange)
	}
}
