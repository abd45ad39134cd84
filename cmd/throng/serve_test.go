package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var printed = regexp.MustCompile(`http://\S+`)

// What throng serve offers beside its clients' connections can be fetched.
func TestServeOffersMetricsAndClient(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "socket.io.js"), []byte("the client"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, _ := serving(t, "--metrics", ":0", "--client-dir", dir, "--recovery", "10s")
	urls := map[string]string{}
	for range 2 {
		lines.Scan()
		what, _, _ := strings.Cut(lines.Text(), " ")
		urls[what] = printed.FindString(lines.Text())
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for url, want := range map[string]string{
		urls["metrics"]: `throng_sessions{transport="websocket"} 0`,
		urls["listening"] + "/socket.io/socket.io.js": "the client",
	} {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %.200q, %v", url, resp.Status, body, err)
		}
	}
}

func TestServeRefusesFolderWithoutClient(t *testing.T) {
	cmd := serveCommand()
	cmd.SetArgs([]string{"--listen", "127.0.0.1:0", "--client-dir", t.TempDir()})
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "socket.io.js") {
		t.Errorf("got %v", err)
	}
}

// Flags that would have no effect are refused before anything is connected or served.
func TestServeRefusesFlagsWithoutEffect(t *testing.T) {
	for args, want := range map[string]string{
		"--admin-user root":                          "--admin-user needs --admin; add it",
		"--admin-readonly":                           "--admin-readonly needs --admin; add it",
		"--admin-mode production":                    "--admin-mode needs --admin; add it",
		"--adapter-rooms static":                     "--adapter-rooms needs --adapter; add it",
		"--allowed-host http://a":                    `--allowed-host "http://a" is no name of a host`,
		"--path /":                                   "not with /, the path of the server; leave it empty for none",
		"--app none --adapter redis://127.0.0.1:1":   `--app "none" is unknown`,
		"--app engine --adapter redis://127.0.0.1:1": "--adapter is about namespaces",
		"--app engine --recovery 1m":                 "--recovery is about namespaces",
		"--app engine --parser msgpack":              "--parser is about namespaces",
		"--app engine --cleanup-empty-namespaces":    "--cleanup-empty-namespaces is about namespaces",
	} {
		cmd := serveCommand()
		cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0"}, strings.Fields(args)...))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // should it serve all the same
		if err := cmd.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// Applications with a page say where; with a folder of the official client the
// page uses that.
func TestServePages(t *testing.T) {
	client := t.TempDir()
	if err := os.WriteFile(filepath.Join(client, "socket.io.min.js"), []byte("the client"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		app          string
		flags        []string
		script, note string
	}{
		{"chat", nil, "/plain.js", "make web"},
		{"p2p", nil, "/plain.js", "make web"},
		{"chat", []string{"--client-dir", client}, "/socket.io/socket.io.min.js", "official client"},
		{"p2p", []string{"--client-dir", client, "--path", "/live"}, "/live/socket.io.min.js", "official client"},
	} {
		lines, stop := serving(t, append([]string{"--app", tt.app}, tt.flags...)...)
		lines.Scan()
		url := printed.FindString(lines.Text())
		if lines.Scan(); !strings.Contains(lines.Text(), tt.note) {
			t.Errorf("%v: printed %q", tt.flags, lines.Text())
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(body), `src="`+tt.script+`"`) {
			t.Errorf("%v: %s, %v, the page\n%s", tt.flags, resp.Status, err, body)
		}
		stop()
	}
	for _, more := range []string{"--parser=msgpack", "--transports=polling"} {
		cmd := serveCommand()
		cmd.SetArgs([]string{"--listen", "127.0.0.1:0", "--app", "chat", more})
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--client-dir") {
			t.Errorf("%s without the official client: %v", more, err)
		}
	}
}

// An unusable socket or certificate is reported in one line that names it.
func TestServeRefusesToListen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("unix", filepath.Join(dir, "taken"))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--tls-cert", file}, "--tls-key"},
		{[]string{"--tls-key", file}, "--tls-cert"},
		{[]string{"--tls-cert", file, "--tls-key", file}, file},
		{[]string{"--tls-cert", "/none", "--tls-key", file}, "/none"},
		{[]string{"--listen", "unix:"}, "unix:"},
		{[]string{"--listen", "unix:" + file}, "is no socket"},
		{[]string{"--listen", "unix:" + dir + "/none/sock"}, "/none/sock"},
		{[]string{"--listen", "unix:" + dir + "/taken"}, "another server"},
		{[]string{"--listen", "localhost"}, "HOST:PORT"},
		{[]string{"--listen", "127.0.0.1:99999"}, "99999"},
	} {
		cmd := serveCommand()
		cmd.SetArgs(tt.flags)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		err := cmd.ExecuteContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", tt.flags, err)
		}
	}
}

func TestServeOnUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	lines, stop := serving(t, "--listen", "unix:"+path)
	if lines.Scan(); lines.Text() != "listening on unix:"+path {
		t.Errorf("printed %q", lines.Text())
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	resp, err := client.Get("http://throng/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !strings.HasPrefix(string(body), "0{") {
		t.Errorf("polled %q, %v", body, err)
	}
	stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// Files installed by make web are found from the project's folder and from the binary's.
func TestInstalledClient(t *testing.T) {
	project := t.TempDir()
	for _, dir := range []string{clientFolder, "bin"} {
		if err := os.MkdirAll(filepath.Join(project, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(project)
	if dir := installedClient(); dir != "" {
		t.Errorf("found %q in an empty folder", dir)
	}
	if err := os.WriteFile(filepath.Join(clientFolder, "socket.io.min.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dir := installedClient(); dir != clientFolder {
		t.Errorf("found %q, want %q", dir, clientFolder)
	}
	t.Chdir("bin")
	if dir := installedClient(); dir != filepath.Join("..", clientFolder) {
		t.Errorf("found %q from bin", dir)
	}
}
