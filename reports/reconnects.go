package reports

import (
	"fmt"

	"github.com/throng-io/throng/scenario/result"
)

// reconnectLines tell how clients came back after they had lost their connection, one line for each fault of a cell.
func reconnectLines(run *result.Run) []string {
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
			out = append(out, reconnectLine(name+"reconnects", r.Recover, r.Lost, r.Back, r.Recovered, backAfter(r.P50us), backAfter(r.P95us), backAfter(r.P999us)))
		}
		for i := range r.Faults {
			f := &r.Faults[i]
			out = append(out, reconnectLine(name+"reconnects in "+f.Phase, r.Recover, f.Lost, f.Back, f.Recovered, returned(f, 0.5), returned(f, 0.95), returned(f, 0.999)))
		}
	}
	return out
}

func reconnectLine(name string, recover bool, lost, back, recovered int64, p50, p95, p999 string) string {
	line := fmt.Sprintf("%s: lost: %s  back: %s  50%% back after: %s  95%%: %s  99.9%%: %s", name, count(lost), count(back), p50, p95, p999)
	if recover && lost > 0 {
		line += fmt.Sprintf("  recovered: %s (%.4g %%)", count(recovered), 100*float64(recovered)/float64(lost))
	}
	return line
}

// returned writes how long it took until a share of the lost connections was made again.
func returned(f *result.FaultReturns, share float64) string {
	us, ok := f.After(share)
	if !ok {
		return "never"
	}
	return micros(float64(us))
}

func backAfter(us int64) string {
	if us == 0 {
		return "never"
	}
	return micros(float64(us))
}

// apartLines are the ledgers that are kept apart: of clients that read slowly, and of volatile messages.
func apartLines(run *result.Run) []string {
	var slow, volatile result.Ledger
	ended := 0
	for i := range run.Cells {
		c := &run.Cells[i]
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
		out = append(out, fmt.Sprintf("slow readers, apart: expected: %s  received: %s  late: %s  lost: %s  undecided: %s  connections ended: %s",
			count(slow.Expected), count(slow.Received), count(slow.Late), count(slow.Lost), count(slow.Undecided), count(int64(ended))))
	}
	if volatile.Expected > 0 {
		out = append(out, fmt.Sprintf("volatile messages, apart: sent: %s  expected: %s  received: %s  late: %s  lost: %s  undecided: %s",
			count(volatile.Sent), count(volatile.Expected), count(volatile.Received), count(volatile.Late), count(volatile.Lost), count(volatile.Undecided)))
	}
	return out
}
