//go:build interop

package interop

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// drawn runs a scenario or searches with it, which may end with a verdict of its own, and returns
// the address of the report that it left.
func drawn(t *testing.T, command, scenario string, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	cmd := runCommand(scenario, dir, flags...)
	cmd.Args[1] = command
	if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), "report: ") {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return "file://" + filepath.Join(dir, "report.html")
}

// TestReports opens reports of every kind in Chromium: none asks for anything beyond itself, all
// fit every screen, tables sort and figures enlarge.
func TestReports(t *testing.T) {
	t.Parallel()
	for _, report := range []struct {
		name, says, command, scenario string
		flags                         []string
	}{
		{"a run", "Check broken: max(ack) < 1us", "run", "testdata/report.yaml", nil},
		{"a matrix", "Each combination", "run", "testdata/live.yaml", []string{"--set", "phases.hold.for=2s"}},
		{"an invalid run", "No number of this run says anything about the server", "run", "testdata/report.yaml", []string{"--set", "valid=[p50(lag) < 1ns]"}},
		{"a search", "does not hold 10 people", "capacity", "testdata/report.yaml", nil},
	} {
		t.Run(report.name, func(t *testing.T) {
			t.Parallel()
			url := drawn(t, report.command, report.scenario, report.flags...)
			b := browser(t)
			for _, width := range []int64{360, 768, 1280} {
				on(b, chromedp.EmulateViewport(width, 900))
				on(b, chromedp.Navigate(url))
				b.see(report.says, "How it was measured", "client and server on one machine")
				on(b, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('details').forEach((d) => { d.open = true; })`))
				if shown := on(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); shown > width {
					t.Errorf("the page is %d wide on a screen of %d", shown, width)
				}
				if n := on(b, chromedp.Evaluate[int](`performance.getEntriesByType('resource').length`)); n != 0 {
					t.Errorf("at width %d the page made %d requests", width, n)
				}
				b.labels()
				b.sorts()
				b.enlarges()
			}
			b.legible()
			b.shot("report-" + strings.ReplaceAll(report.name, " ", "-"))
		})
	}
}

// sorts sorts a table of numbers both ways.
func (b *tab) sorts() {
	b.t.Helper()
	const script = `(() => {
		for (const table of document.querySelectorAll('table')) {
			const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
			const column = heads.findIndex((h) => h.classList.contains('num') && h.querySelector('button'));
			const rows = () => [...table.tBodies[0].rows].map((r) => r.cells[column].textContent);
			if (column < 0 || !rows().every((v) => /^[0-9]+$/.test(v.replace(/\u00a0/g, '')))) continue;
			const ordered = (sign) => rows().every((v, i, all) => i === 0 || sign * (number(v) - number(all[i - 1])) >= 0);
			const number = (v) => Number(v.replace(/\u00a0/g, ''));
			heads[column].querySelector('button').click();
			if (heads[column].getAttribute('aria-sort') !== 'ascending' || !ordered(1)) return 'up: ' + rows();
			heads[column].querySelector('button').click();
			if (heads[column].getAttribute('aria-sort') !== 'descending' || !ordered(-1)) return 'down: ' + rows();
			return '';
		}
		return 'no table of numbers';
	})()`
	if wrong := on(b, chromedp.Evaluate[string](script)); wrong != "" {
		b.t.Errorf("sorting: %s", wrong)
	}
}

// enlarges opens a figure and closes it again.
func (b *tab) enlarges() {
	b.t.Helper()
	const script = `(() => {
		const picture = [...document.querySelectorAll('figure svg')].find((s) => s.getBoundingClientRect().width > 0);
		const large = document.getElementById('large');
		if (!picture) return 'no figure';
		picture.dispatchEvent(new MouseEvent('click', { bubbles: true }));
		if (!large.open || large.getBoundingClientRect().width < picture.getBoundingClientRect().width) return 'it does not open';
		if (!large.querySelector('svg') || large.querySelector('svg').getBoundingClientRect().width < 200) return 'it shows nothing';
		large.querySelector('button').click();
		return large.open ? 'it does not close' : '';
	})()`
	if wrong := on(b, chromedp.Evaluate[string](script)); wrong != "" {
		b.t.Errorf("enlarging: %s", wrong)
	}
}

// labels makes sure that no label of a figure stands beyond its figure, whatever font this machine
// has.
func (b *tab) labels() {
	b.t.Helper()
	const script = `(() => {
		const wrong = [];
		let seen = 0;
		for (const svg of document.querySelectorAll('figure svg')) {
			const room = svg.getBoundingClientRect();
			if (room.width === 0) continue;
			for (const text of svg.querySelectorAll('text')) {
				const at = text.getBoundingClientRect();
				seen++;
				if (at.left < room.left - 1 || at.right > room.right + 1) wrong.push(text.textContent);
			}
		}
		return seen < 10 ? 'only ' + seen + ' labels' : wrong.slice(0, 5).join('; ');
	})()`
	if wrong := on(b, chromedp.Evaluate[string](script)); wrong != "" {
		b.t.Errorf("labels beyond their figure: %s", wrong)
	}
}

// legible makes sure that text stands out from its ground: on a light and on a dark screen, and on
// paper, which is white also for a reader who prefers dark pages.
func (b *tab) legible() {
	b.t.Helper()
	const script = `(() => {
		const light = (colour) => {
			const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
		const ground = getComputedStyle(document.body).backgroundColor;
		const paper = [...document.querySelectorAll('figure svg path')].find((p) => p.getBoundingClientRect().width > 200);
		const bad = [];
		for (const e of document.querySelectorAll('h1, td, p.about, figcaption')) {
			if (e.className === '' && contrast(getComputedStyle(e).color, ground) < 4.5) bad.push(e.tagName);
		}
		for (const t of document.querySelectorAll('figure svg text')) {
			if (contrast(getComputedStyle(t).fill, getComputedStyle(paper).fill) < 4.5) bad.push(t.textContent);
		}
		return ground + ' ' + [...new Set(bad)].slice(0, 5).join('; ');
	})()`
	for _, media := range []struct{ kind, scheme, ground string }{
		{"screen", "light", "rgb(255, 255, 255)"}, {"screen", "dark", "rgb(20, 23, 27)"}, {"print", "light", "rgb(255, 255, 255)"}, {"print", "dark", "rgb(255, 255, 255)"},
	} {
		on(b, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Media: media.kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: media.scheme}},
			})
			return err
		}))
		if got := strings.TrimSpace(on(b, chromedp.Evaluate[string](script))); got != media.ground {
			b.t.Errorf("%s, %s: %s", media.kind, media.scheme, got)
		}
	}
}
