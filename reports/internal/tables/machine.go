package tables

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// between is what lay between clients and server on one machine.
func between(c *result.Cell) string {
	if c.Network != nil {
		return "a network of this process was between them"
	}
	return "no network was between them"
}

// MachineFacts are where and with what it was measured.
func MachineFacts(t *layout.Table, run *result.Run) {
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	if len(run.Cells) > 0 {
		where := "not known whether on the same machine"
		if s := run.Cells[0].Server; s.SameMachine {
			where = "client and server on one machine: they competed for CPU, and " + between(&run.Cells[0])
		} else if s.Target != "" {
			where = "client and server on different machines; server at " + s.Target
		}
		add("where", where)
	}
	var parts []string
	env := func(key, before, after string) {
		if v := run.Env[key]; v != "" {
			parts = append(parts, before+v+after)
		}
	}
	env("cpu", "", "")
	env("cores", "", " cores")
	env("kernel", cmp.Or(run.Env["os"], "kernel")+" ", "")
	env("clock", "clock ", "")
	add("machine", strings.Join(parts, ", "))
	version := "throng " + cmp.Or(run.Throng, "of unknown version")
	add("with", fmt.Sprintf("%s, seed %d, %s", version, run.Seed, run.Started.UTC().Format("2006-01-02 15:04 UTC")))
}
