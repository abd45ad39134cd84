package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// busyCPU is from when on the generator's own troubles show in the figures.
const busyCPU = 0.8

// warnings returns the doubts about the figures, the most important first: each figure shows the
// first one. Mere explanations are in notes.
func (f *findings) warnings() []string {
	t, e, cell := f.t, f.e, f.cell
	out := []string{}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	rooms, left := t.emptyRooms(e.Ledger, false, f.unanswered()), t.emptyRooms(e.Ledger, true, false)
	switch {
	case e.Mismatch != "":
		say("%s", e.Mismatch)
	case rooms != "":
		say("%s", rooms)
	case f.unanswered():
		say("%s", t.nothingCame(f.unacknowledged()))
	case left != "":
		say("%s", left)
	}
	if f.c.unkept != nil {
		say("%v", f.c.unkept)
	}
	if e.Ending == judge.Aborted {
		say("ended early, after %s of %s: %s", metric.FormatSeconds(float64(e.End)/1e9), metric.FormatSeconds(float64(t.tl.End)/1e9), e.Cause)
	}
	if text := apart(cell.Nodes); text != "" {
		say("%s", text)
	}
	f.losses(say)
	f.misdelivered(say)
	f.rewritten(say)
	f.replayed(say)
	f.faultLosses(say)
	for _, sum := range t.errors.Classes() {
		class, text := sum.Class, sum.Text
		if n := cell.Errors[class.String()]; n > 0 && text != "" && !class.Benign() {
			say("%s: %d times, at first: %s", class, n, strings.TrimPrefix(text, "client: "))
		}
	}
	if r := cell.Rates; r.AchievedPerS < 0.999*r.OfferedPerS {
		say("only %s of the operations that were due were sent%s", metric.FormatShare(r.AchievedPerS/r.OfferedPerS), whyUnsent(cell.Messages))
	}
	f.turns(say)
	if asked, held := f.c.clients(); held+int(t.count.slowDropped.Load()) < asked && !(t.churns() && float64(held) > 0.99*float64(asked)) {
		say("only %d of %d clients were connected at the end of the recorded phases%s", held, asked, stillWaiting(cell))
	}
	if cell.Growing != "" {
		say("work was still piling up at the end: %s; a longer trial would measure a higher latency", cell.Growing)
	}
	if n := t.count.plainly.Load(); n > 0 {
		say("%s websockets are not compressed: the server did not take the offer of permessage-deflate", metric.FormatCount(n))
	}
	if n := cell.Generator.Clamped; n > 0 {
		say("%d samples lay outside 0 s to 1 h and are recorded at the limit", n)
	}
	if cell.Generator.CPUMax > busyCPU {
		say("%s used up to %s of the cores that it may use: treat latencies as upper bounds", busiest(cell), metric.FormatShare(cell.Generator.CPUMax))
	}
	if s := tailEffect(e, time.Duration(cell.Generator.GCPauseMaxus)*time.Microsecond); s != "" {
		say("%s", s)
	}
	if t.scraper != nil {
		if trouble := t.scraper.trouble(); trouble != "" {
			say("%s", trouble)
		}
	}
	if b, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource"); err == nil {
		if src := strings.TrimSpace(string(b)); slices.Contains([]string{"acpi_pm", "hpet", "jiffies", "refined-jiffies"}, src) {
			say("the clock source %s is slow to read and coarse", src)
		}
	}
	if q := t.spec.Quick; q > 0 {
		say("scaled down to %g%% of the scenario's clients and lengths: it shows that the scenario works; its numbers do not hold for the full size", q*100)
	}
	return out
}

// busiest names the generator, or of a fleet the agent that used the most of its cores.
func busiest(cell *result.Cell) string {
	name, most := "the generator", -1.0
	for i := range cell.Agents {
		if a := &cell.Agents[i]; a.Health != nil && a.Health.CPUMax > most {
			name, most = "the agent "+a.Name, a.Health.CPUMax
		}
	}
	return name
}

// whyUnsent says what became of the other operations.
func whyUnsent(m result.Operations) string {
	var parts []string
	if m.Held > 0 {
		parts = append(parts, metric.FormatCount(m.Held)+were(m.Held)+"still queued at the end for clients that had lost their connection")
	}
	if m.Dropped > 0 {
		parts = append(parts, metric.FormatCount(m.Dropped)+were(m.Dropped)+"dropped")
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf(": of %s, %s", metric.FormatCount(m.Due), strings.Join(parts, ", "))
}

func were(n int64) string {
	if n == 1 {
		return " was "
	}
	return " were "
}

// notes explain the numbers and cast no doubt on them.
func (f *findings) notes() (out []string) {
	t := f.t
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if n := t.count.cutOff.Load(); n > 0 {
		say("connections that a fault of the scenario broke: %d; clients held again after a drop: %d", n, t.count.heldAgain.Load())
	}
	if p := f.cell.Peers; p != nil {
		say("data channels, counted at both ends: %s opened, %s fell back to the server; messages that peers received: %s directly, %s by the server",
			metric.FormatCount(p.Open), metric.FormatCount(p.Fallback), metric.FormatCount(p.Direct), metric.FormatCount(p.Relayed))
	}
	for _, text := range []string{t.linkNote(), f.networkNote()} {
		if text != "" {
			say("%s", text)
		}
	}
	if n := t.count.slowDropped.Load(); n > 0 {
		text := fmt.Sprintf("connections of slow readers that ended: %d", n)
		why := slowReasons(f.cell)
		if why != "" {
			text += " (" + why + ")"
		}
		if strings.Contains(why, slug(client.TransportClose)) {
			text += "; a server closes the transport of one whose queue is full, or whose answer to a ping, behind all that it has not read, comes too late"
		}
		say("%s", text)
	}
	f.unstamped(say)
	if t.server.pid.Load() > 0 && f.e.Target.RSSBefore < 0 {
		say("the server's CPU and memory could not be read")
	}
	return out
}

// tailEffect says how much of the highest latencies is the generator's own lateness; "" when that
// is little. A pause of the garbage collector is named where it may explain half of it. The runtime
// counts pauses in classes, so their length is an upper bound.
func tailEffect(e *judge.Evidence, pause time.Duration) string {
	t, ok := e.Tail()
	if !ok {
		return ""
	}
	which := fmt.Sprintf("%s of the %s slowest samples of %s, from %s (%s) on, are", metric.FormatCount(t.Late), metric.FormatCount(t.Slowest), t.Metric, metric.FormatSeconds(t.With), t.Stat)
	if t.Slowest == 1 {
		which = fmt.Sprintf("the slowest sample of %s, %s, is", t.Metric, metric.FormatSeconds(t.With))
	}
	s := fmt.Sprintf("%s slow only because the generator itself was late: without its delay, %s would be %s", which, t.Stat, metric.FormatSeconds(t.Without))
	if pause.Seconds() >= (t.With-t.Without)/2 {
		s += fmt.Sprintf("; garbage collection paused it for up to %s", metric.FormatSeconds(pause.Seconds()))
	}
	return s
}

// unanswered reports whether a target of the scenario's own was asked for something, had the time
// for it, and did nothing of it.
func (f *findings) unanswered() bool {
	cell := f.cell
	late := cell.Errors[metric.Error(metric.ErrAck, metric.HowTimeout).String()]
	if acks := cell.Latency[metric.Ack]; acks != nil && acks.N > 0 {
		return false
	}
	l := cell.Ledger
	if cell.Volatile != nil {
		l.Add(*cell.Volatile)
	}
	return !f.t.server.builtIn && l.Received+l.Late == 0 && l.Lost+late > 0
}

// nothingCame says that no message came back, and what a target must have for that.
func (t *trial) nothingCame(unacknowledged string) string {
	if t.contract != nil {
		return "no sent message came back" + unacknowledged + ": emit: of the operations in the contract must name events of the server, which its clients may send" + t.emitted()
	}
	return "no sent message came back: the target must offer the events join, leave, echo, room and all, or contract: in the scenario must name its own events for them"
}

// unacknowledged says that no message was acknowledged, of so many that asked for it; "" where none
// did.
func (f *findings) unacknowledged() string {
	n := f.cell.Errors[metric.Error(metric.ErrAck, metric.HowTimeout).String()]
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and none was acknowledged, of %s that asked for it", metric.FormatCount(n))
}

// turns reports attempts to connect that waited for others.
func (f *findings) turns(say func(format string, args ...any)) {
	c := &f.t.count
	if n := c.turns.Load(); n > 0 {
		say("%s attempts to connect waited for others, %s on average, since a process sets up no more than %d connections at a time: the target met fewer at once than were due",
			metric.FormatCount(n), metric.FormatDuration(time.Duration(c.turnTime.Load()/n)), dialsAtOnce)
	}
}

// misdelivered reports messages that reached the wrong clients.
func (f *findings) misdelivered(say func(format string, args ...any)) {
	of := func(how string) int64 { return f.cell.Errors[metric.Error(metric.ErrDelivery, how).String()] }
	former := "expect: all"
	if f.t.contract != nil {
		former = "to: all or to: room in the contract"
	}
	for _, strange := range []struct {
		n    int64
		what string
	}{
		{f.t.count.foreign.Load(), "messages of another run arrived: another run was using the same server"},
		{f.t.count.misnamed.Load(), "messages came by another event than the stream names, which is no delivery: a client listens to the event's name"},
		{f.cell.Ledger.Duplicate, "messages were delivered twice"},
		{of(metric.HowUnexpected), "messages were delivered to clients outside their audience"},
		{f.t.count.toSender.Load(), "messages that were for others came to their own senders: a server that sends to io or io.to(room) includes the sender, one that sends to socket.broadcast or socket.to(room) does not; " + former + " is for the former"},
		{of(metric.HowStale), "messages were delivered again, more than half a minute after all had them"},
		{of(metric.HowOverdue), "messages came after they had been counted as lost: more than ten minutes late, or sooner where the account took too much memory"},
	} {
		if strange.n > 0 {
			say("%d %s", strange.n, strange.what)
		}
	}
}

// slowReasons lists why the connections of slow readers ended.
func slowReasons(cell *result.Cell) string {
	var out []string
	for class, n := range cell.Errors {
		if c := metric.ParseErrorClass(class); c.Slow && c.Kind == metric.ErrDrop {
			out = append(out, fmt.Sprintf("%s %d", c.How, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
