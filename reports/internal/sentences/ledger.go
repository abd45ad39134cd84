package sentences

import (
	"fmt"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// ReconnectLines tell how clients came back after they had lost their connection, one line for each
// fault of a cell.
func ReconnectLines(run *result.Run) []string {
	var out []string
	for i := range run.Cells {
		r := run.Cells[i].Reconnects
		if r == nil {
			continue
		}
		name := result.CellName(i, len(run.Cells))
		if name != "" {
			name += " "
		}
		if len(r.Faults) == 0 {
			out = append(out, reconnectLine(name+"reconnects", r.Recover, r.Lost, r.Back, r.Recovered, tables.BackAfter(r.P50us, r.Lost, 0.5), tables.BackAfter(r.P95us, r.Lost, 0.95), tables.BackAfter(r.P999us, r.Lost, 0.999)))
		}
		for i := range r.Faults {
			f := &r.Faults[i]
			out = append(out, reconnectLine(name+"reconnects in "+f.Phase, r.Recover, f.Lost, f.Back, f.Recovered, tables.Returned(f, 0.5), tables.Returned(f, 0.95), tables.Returned(f, 0.999)))
		}
	}
	return out
}

func reconnectLine(name string, recover bool, lost, back, recovered int64, p50, p95, p999 string) string {
	line := fmt.Sprintf("%s: lost: %s  back: %s  50%% back after: %s  95%%: %s  99.9%%: %s", name, layout.Count(lost), layout.Count(back), p50, p95, p999)
	if recover && lost > 0 {
		line += fmt.Sprintf("  recovered: %s (%.4g %%)", layout.Count(recovered), 100*float64(recovered)/float64(lost))
	}
	return line
}

// apartLines are the ledgers that are kept apart, of the cells that count: of clients that read
// slowly, and of volatile messages.
func apartLines(run *result.Run) []string {
	var slow, volatile result.Ledger
	ended := 0
	for i := range run.Cells {
		c := &run.Cells[i]
		if c.Repeated {
			continue
		}
		if c.Slow != nil {
			slow.Add(*c.Slow)
		}
		if c.Volatile != nil {
			volatile.Add(*c.Volatile)
		}
		ended += c.Clients.SlowDropped
	}
	var out []string
	if slow.Expected > 0 {
		out = append(out, fmt.Sprintf("slow readers (counted separately): expected: %s  received: %s  late: %s  lost: %s  undecided: %s  connections ended: %s",
			layout.Count(slow.Expected), layout.Count(slow.Received), layout.Count(slow.Late), layout.Count(slow.Lost), layout.Count(slow.Undecided), layout.Count(int64(ended))))
	}
	if volatile.Expected > 0 {
		out = append(out, fmt.Sprintf("volatile messages (counted separately): sent: %s  expected: %s  received: %s  late: %s  lost: %s  undecided: %s",
			layout.Count(volatile.Sent), layout.Count(volatile.Expected), layout.Count(volatile.Received), layout.Count(volatile.Late), layout.Count(volatile.Lost), layout.Count(volatile.Undecided)))
	}
	return out
}

// LedgerLine adds the ledgers of the cells that count up, without those that were repeated, and
// tells how clients came back.
func LedgerLine(run *result.Run) string {
	var sum result.Ledger
	var clients result.Clients
	var due result.Operations
	for i := range run.Cells {
		if run.Cells[i].Repeated {
			continue
		}
		l, c := run.Cells[i].Ledger, run.Cells[i].Clients
		sum.Add(l)
		due.Add(run.Cells[i].Messages)
		clients.Asked += c.Asked
		clients.Held += c.Held
		clients.Waiting += c.Waiting
	}
	lines := []string{fmt.Sprintf("ledger: sent: %s  expected: %s  received: %s  lost: %s  duplicate: %s  out of order: %s  late: %s  undecided: %s\nclients: asked: %s  held: %s",
		layout.Count(sum.Sent), layout.Count(sum.Expected), layout.Count(sum.Received), layout.Count(sum.Lost), layout.Count(sum.Duplicate), layout.Count(sum.Disorder),
		layout.Count(sum.Late), layout.Count(sum.Undecided), layout.Count(clients.Asked), layout.Count(clients.Held))}
	if sum.Undecided > 0 {
		lines[0] = strings.Replace(lines[0], "\n", "\n"+lossWords(&sum)+"\n", 1)
	}
	if due.Held+due.Dropped > 0 {
		lines[0] = fmt.Sprintf("messages: due: %s  sent: %s  held to the end: %s  dropped: %s\n",
			layout.Count(due.Due), layout.Count(due.Sent), layout.Count(due.Held), layout.Count(due.Dropped)) + lines[0]
	}
	if clients.Waiting > 0 {
		lines[0] += "  still connecting: " + layout.Count(clients.Waiting)
	}
	return strings.Join(append(lines, append(apartLines(run), ReconnectLines(run)...)...), "\n")
}

// lossWords tell between which limits the loss lies.
func lossWords(l *result.Ledger) string {
	loss := l.Loss()
	return fmt.Sprintf("loss: between %s and %s; undecided: %s, because clients connected, left or changed rooms meanwhile",
		layout.Share(loss.LeastShare), layout.Share(loss.MostShare), layout.Count(l.Undecided))
}
