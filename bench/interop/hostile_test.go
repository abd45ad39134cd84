//go:build interop

package interop

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// stranger is the name of a page from elsewhere, which points at this machine: in the browser of
// these tests only.
const stranger = "evil.example"

// TestHostilePage lets a page of another host, and one whose name has come to point at the server,
// try to reach the Admin UI's namespace of throng serve; and the pages that may.
func TestHostilePage(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("testdata/hostile.js")
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>a page from elsewhere</title>")
	}))
	t.Cleanup(host.Close)
	ctx := chromium(t, chromedp.Flag("host-resolver-rules", "MAP "+stranger+" 127.0.0.1"))

	const refused, open, in = `44/admin,`, `failed: `, `40/admin,{"sid":`
	for _, c := range []struct {
		name  string
		flags []string
		// How far each attack gets: of a page of another host, and of one whose name points at the
		// server.
		elsewhere, rebound map[string]string
	}{
		{
			"as it is", nil,
			map[string]string{"jsonp": open + "no script", "polling": open + "Failed to fetch", "websocket": refused + `{"message":"without a password`},
			map[string]string{"jsonp": open + "no script", "polling": open + "421", "websocket": open + "no websocket"},
		},
		{ // The attacks work; what holds is the secret.
			"with its doors open",
			[]string{"--allow-jsonp", "--allowed-host", stranger, "--cors-origin", "*"},
			map[string]string{"jsonp": refused + `{"message":"invalid credentials`, "polling": refused, "websocket": refused},
			map[string]string{"jsonp": refused + `{"message":"invalid credentials`, "polling": refused + `{"message":"invalid credentials`, "websocket": refused + `{"message":"invalid credentials`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := builtIn().launch(t, "chat", append([]string{"--admin"}, c.flags...)...)
			base := address()
			said, err := url.Parse(address())
			if err != nil {
				t.Fatal(err)
			}
			secret := said.Query().Get("secret")
			if secret == "" || !strings.HasPrefix(said.String(), base+"/admin?") {
				t.Fatalf("the address of the Admin UI is %s", said)
			}
			port := base[strings.LastIndex(base, ":"):]
			tries := func(page, target, auth string, want map[string]string) {
				t.Helper()
				for name, prefix := range want {
					if got := try(t, ctx, string(code), page, name, target, auth); !strings.HasPrefix(got, prefix) {
						t.Errorf("%s from %s got %q, want %q", name, page, got, prefix)
					}
				}
			}
			tries("http://"+stranger+host.URL[strings.LastIndex(host.URL, ":"):], base, "{}", c.elsewhere)
			tries("http://"+stranger+port+"/socket.io/", "http://"+stranger+port, "{}", c.rebound)
			// The operator, on a page of the server itself.
			auth := fmt.Sprintf(`{"username":"any","password":%q}`, secret)
			tries(base, base, auth, map[string]string{"polling": in, "websocket": in})
		})
	}
}

// try opens a page in a tab of its own and lets it make one attack.
func try(t *testing.T, browser context.Context, code, page, attack, target, auth string) string {
	t.Helper()
	ctx, end := chromedp.NewContext(browser)
	defer end()
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context that has opened it
		t.Fatal(err)
	}
	on(b, chromedp.Navigate(page))
	if got := on(b, chromedp.Evaluate[string](`location.origin`)); !strings.HasPrefix(page, got) {
		t.Fatalf("the page %s is of %s", page, got)
	}
	call := fmt.Sprintf("(() => { %s; return attack(%q, %q, %q); })()", code, attack, target, auth)
	return on(b, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise))
}

// TestAdminUIWithSecret connects the official page by the secret that throng serve prints, as the
// password.
func TestAdminUIWithSecret(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.FileServer(http.Dir("node_modules/@socket.io/admin-ui/ui/dist")))
	t.Cleanup(page.Close)
	address := builtIn().launch(t, "bench", "--admin", "--cors-origin", page.URL, "--cors-credentials")
	base := address()
	said, err := url.Parse(address())
	if err != nil {
		t.Fatal(err)
	}
	b := browser(t)
	on(b, chromedp.Navigate(page.URL))
	b.fill("Server URL", base)
	b.fill("Username", "operator")
	b.fill("Password", "wrong")
	b.press("Connect")
	b.see("Invalid credentials")
	b.fill("Password", said.Query().Get("secret"))
	b.press("Connect")
	b.see("CONNECTED", "HEALTHY", "/admin")
}
