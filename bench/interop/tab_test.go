//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A tab is a page in Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// on runs an action on the page, and fails the test with it.
func on[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// look evaluates a script on a page that may be about to give way to another one, of which nothing
// is known yet.
func look[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil && !strings.Contains(err.Error(), "navigated or closed") {
		b.t.Fatal(err)
	}
	return v
}

// shown is what the page shows now, in small letters.
func (b *tab) shown() string {
	b.t.Helper()
	return strings.ToLower(look[string](b, `(document.body?.innerText ?? '') + '\n' + document.title`))
}

// see waits until the page shows all the texts.
func (b *tab) see(texts ...string) {
	b.t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		shown, missing := b.shown(), ""
		for _, text := range texts {
			if !strings.Contains(shown, strings.ToLower(text)) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not show %q but\n%s", missing, shown)
		}
	}
}

// fill writes into the input field with a label, in place of what is there.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => {
		const label = [...document.querySelectorAll('label')].find((l) => l.textContent.trim().startsWith(%s));
		const input = label && label.parentElement.querySelector('input');
		if (!input) return false;
		Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, %s);
		input.dispatchEvent(new Event('input', { bubbles: true }));
		return true;
	})()`, quoted(label), quoted(text))
	b.until(script, "the field "+label)
}

// press clicks the button with a text.
func (b *tab) press(text string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => {
		const button = [...document.querySelectorAll('button')].find((b) => b.innerText.trim().toLowerCase() === %s && !b.disabled);
		if (button) setTimeout(() => button.click()); // behind the answer, as the click may end the page
		return Boolean(button);
	})()`, quoted(strings.ToLower(text)))
	b.until(script, "the button "+text)
}

// until runs a script until it yields true.
func (b *tab) until(script, what string) {
	b.t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		if look[bool](b, script) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s; the page shows\n%s", what, on(b, chromedp.Evaluate[string](`document.body.innerText`)))
		}
	}
}

// visit goes to a place of a page that keeps its place behind the "#".
func (b *tab) visit(place string) {
	b.t.Helper()
	on(b, chromedp.Evaluate[string](`location.hash = `+quoted("#/"+place)))
}

func quoted(s string) string {
	q, _ := json.Marshal(s) // a string is always encodable
	return string(q)
}

// browser opens a tab in a browser of the test, which ends with it.
func browser(t *testing.T) *tab {
	t.Helper()
	return &tab{t: t, ctx: chromium(t)}
}

// another opens a tab beside b, in the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	b.t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context that has opened it
		b.t.Fatal(err)
	}
	return &tab{t: b.t, ctx: ctx}
}
