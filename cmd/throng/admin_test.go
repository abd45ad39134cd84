package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// What --admin cannot mean is said before anything is served.
func TestAdminFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--admin --listen :0", "can be reached from elsewhere"},
		{"--admin --listen 0.0.0.0:0", "can be reached from elsewhere"},
		{"--admin --admin-user root", "--admin-user and --admin-password-hash belong together"},
		{"--admin --admin-password-hash secret", "--admin-user and --admin-password-hash belong together"},
		{"--admin --admin-user root --admin-password-hash secret", "no bcrypt hash"},
		{"--admin --admin-mode verbose", `--admin-mode "verbose"`},
		{"--admin --app engine", "--app engine"},
	} {
		cmd := serveCommand()
		cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0"}, strings.Fields(c.args)...))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // should it serve all the same
		if err := cmd.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		}
	}
}
