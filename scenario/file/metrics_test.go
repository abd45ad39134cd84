package file

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/metric"
)

// everything is a scenario in which every metric is measured.
const everything = `version: 1
name: x
server: {recovery: 1m}
groups:
  a:
    count: 10
    reconnect: {recover: true}
    read: {rate: 1KiB/s, share: 50%}
    rooms: {of: 4, size: zipf(1)}
    send: [{op: room, event: say, rate: 1/s, ack: 1s}]
    flow: [{emit: [e], ack: 1s}]
    before: [{http: {get: /}}]
phases: [{name: hold, for: 10s}]
slo:
  - "CHECK"
`

// amountOf is a value of a unit.
var amountOf = map[string]string{metric.Seconds: "5ms", metric.Share: "5%", metric.Bytes: "5MiB", metric.PerSecond: "5/s", metric.Count: "5"}

// Every statistic of every metric with every label: the parser takes what the table of metrics has,
// and nothing else.
func TestChecksAreTheTableOfMetrics(t *testing.T) {
	labels := map[string]string{
		metric.LabelGroup: "a", metric.LabelFrom: "a", metric.LabelOp: "room", metric.LabelEvent: "say", metric.LabelTransport: "websocket", metric.LabelRoomDecile: "3", metric.LabelRead: "slow",
		metric.LabelReplayed: "true", metric.LabelCross: "true", metric.LabelNode: "1",
		metric.LabelPhase: "hold",
	}
	for _, stat := range metric.StatNames() {
		s, _ := metric.StatOf(stat)
		for _, m := range metric.Table {
			units := s.Units
			if units == nil {
				units = []string{m.Unit}
			}
			possible := slices.Contains(s.Of, m.Name) || stat == metric.StatErrors && metric.OfErrors(m.Name)
			for unit, amount := range amountOf {
				text := fmt.Sprintf("%s(%s) < %s", stat, m.Name, amount)
				c, f, _ := parseCheck(text)
				if want := possible && slices.Contains(units, unit); want != (f == nil) {
					t.Errorf("%s: %v", text, f)
				} else if f == nil && (c.Unit != unit || c.Metric != m.Name || c.Stat != stat) {
					t.Errorf("%s: %+v", text, c)
				}
			}
			if !possible {
				continue
			}
			for _, label := range metric.Labels {
				text := fmt.Sprintf("%s(%s{%s=%s}) < %s", stat, m.Name, label, labels[label], amountOf[units[0]])
				_, f, _ := parseCheck(text)
				if has := slices.Contains(metric.LabelsOf(stat, m.Name), label); has != (f == nil) {
					t.Errorf("%s: %v", text, f)
				}
			}
			text := fmt.Sprintf("%s(%s) < %s", stat, m.Name, amountOf[units[0]])
			if _, err := Parse("x.yaml", []byte(strings.Replace(everything, "CHECK", text, 1)), nil); err != nil && !strings.Contains(err.Error(), "connect.tls") && m.Name != metric.Gap && m.Needs != metric.NeedsEvents && m.Needs != metric.NeedsPeers {
				t.Errorf("%s is not measured where everything is: %v", text, err)
			}
		}
	}
}

// A check reads the same however it is spaced, and its text is kept.
func TestSpacesInChecks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := []string{rapid.SampledFrom([]string{"p99", "max", "mean", "p5.25"}).Draw(t, "stat"), "(", rapid.SampledFrom([]string{"delivery", "ack", "connect.tls"}).Draw(t, "metric")}
		if rapid.Bool().Draw(t, "labels") {
			tokens = append(tokens, "{", "group", "=", "a", "}")
		}
		tokens = append(tokens, ")", rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=="}).Draw(t, "op"))
		amount := rapid.SampledFrom([][]string{{"5", "ms"}, {"1", "s"}, {"1.5", "m"}, {"1", "m", "30", "s"}}).Draw(t, "amount")
		blank := rapid.StringMatching(`[ \t]{0,2}`)
		var a, b strings.Builder
		for _, token := range append(slices.Clone(tokens), amount...) {
			a.WriteString(token)
			b.WriteString(blank.Draw(t, "blank") + token)
		}
		tail := ""
		if rapid.Bool().Draw(t, "over") {
			tail += " over 5s"
		}
		if rapid.Bool().Draw(t, "in") {
			tail += " in hold"
		}
		x, f, _ := parseCheck(a.String() + tail)
		y, g, at := parseCheck(b.String() + tail)
		if f != nil || g != nil {
			t.Fatalf("%q: %v, %q: %v at %d", a.String()+tail, f, b.String()+tail, g, at)
		}
		x.Text, y.Text = "", ""
		if fmt.Sprint(x) != fmt.Sprint(y) {
			t.Fatalf("%+v and %+v", x, y)
		}
	})
}

// Whatever the text, a check is a condition with a value, or a flaw at a place in it with words on
// what to do.
func TestAnyCheck(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"p99", "p0", "p100", "max", "loss", "errors", "(", ")", "{", "}", "delivery", "ack", "cpu", "server.cpu", "group", "=", "a", ",", "<", "<=", "==", "=", "5", "5ms", "ms", "%", "80%", "/s", "over", "5s", "in", "hold",
		" ", "  ", "NaN", "-", "\u00e9", "p99.99999", "1e9", "room_decile", "11",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 14).Draw(t, "pieces"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		c, f, at := parseCheck(text)
		switch {
		case at < 0 || at > len(text):
			t.Fatalf("%q: the place %d", text, at)
		case f != nil && (f.msg == "" || f.hint == ""):
			t.Fatalf("%q: %+v", text, f)
		case f == nil && (c.Stat == "" || c.Op == "" || c.Value < 0 || c.Value != c.Value || at != len(text) && strings.TrimSpace(text[at:]) != ""):
			t.Fatalf("%q: %+v up to %d", text, c, at)
		}
	})
}
