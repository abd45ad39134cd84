//go:build interop

package interop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/bcrypt"

	"github.com/throng-io/throng/scenario/client"
)

// The Admin UI by the official client. The official server in ../peers/node has none, so there is
// one peer only.
func TestAdminByOfficialClient(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"admin.check.mjs", "admin_msgpack.check.mjs"} {
		runNode(t, file, builtIn().command)
	}
}

// hashed returns a password as --admin-password-hash takes it.
func hashed(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// TestAdminUI connects the official page to throng serve, and reads on it what the server does.
func TestAdminUI(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.FileServer(http.Dir("node_modules/@socket.io/admin-ui/ui/dist")))
	t.Cleanup(page.Close)
	url := builtIn().start(t, "bench", "--admin", "--admin-user", "root", "--admin-password-hash", hashed(t, "secret"),
		"--admin-server-id", "the one", "--cors-origin", page.URL, "--cors-credentials")
	var clients []*client.Client
	for i, transport := range []string{client.WebSocket, client.Polling, client.Upgrade} {
		c, in, _ := dial(t, client.Config{URL: url, Transport: transport})
		send(t, c.Send(fmt.Appendf(nil, `2%d["join","room-%d"]`, i, i%2)))
		in.next(t)
		clients = append(clients, c)
	}

	b := browser(t)
	on(b, chromedp.Navigate(page.URL))
	b.fill("Server URL", url)
	b.fill("Username", "root")
	b.fill("Password", "wrong")
	b.press("Connect")
	b.see("Invalid credentials")
	b.fill("Password", "secret")
	b.press("Connect")
	b.see("CONNECTED", "75.0 %", "HEALTHY", "/admin")
	b.shot("dashboard")

	for _, at := range []struct {
		path string
		want []string
	}{
		{"sockets/", []string{"websocket", "polling"}},
		{"rooms/", []string{"room-0", "room-1"}},
		{"clients/", []string{"websocket", "polling"}},
		{"servers/", []string{"the one"}},
	} {
		b.visit(at.path)
		b.see(at.want...)
		b.shot(strings.Trim(at.path, "/"))
	}
	b.visit("events/")
	send(t, clients[0].Send([]byte(`27["echo","seen in the UI"]`)))
	b.see("echo", "event received")
	b.shot("events")
}

// shot keeps a picture of the page where THRONG_SHOTS says so, to be looked at.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("THRONG_SHOTS")
	if dir == "" {
		return
	}
	time.Sleep(600 * time.Millisecond) // until things have stopped moving
	png := on(b, chromedp.CaptureScreenshot())
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
