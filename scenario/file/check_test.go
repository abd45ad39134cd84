package file

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		text string
		want Check
	}{
		{"p99(delivery) < 100ms", Check{Stat: "p99", Quantile: 99, Metric: "delivery", Op: "<", Value: 0.1, Unit: UnitSeconds}},
		{"p99.99( ack.service )<=1m30s", Check{Stat: "p99.99", Quantile: 99.99, Metric: "ack.service", Op: "<=", Value: 90, Unit: UnitSeconds}},
		{"p5(fanout.first) > 1us", Check{Stat: "p5", Quantile: 5, Metric: "fanout.first", Op: ">", Value: 1e-6, Unit: UnitSeconds}},
		{"mean(connect.tls) >= 0s", Check{Stat: "mean", Metric: "connect.tls", Op: ">=", Unit: UnitSeconds}},
		{"max(cpu) < 80%", Check{Stat: "max", Metric: "cpu", Op: "<", Value: 0.8, Unit: UnitShare}},
		{"max(server.cpu) < 0.8", Check{Stat: "max", Metric: "server.cpu", Op: "<", Value: 0.8, Unit: UnitShare}},
		{"max(server.rss) < 256MiB", Check{Stat: "max", Metric: "server.rss", Op: "<", Value: 256 << 20, Unit: UnitBytes}},
		{"rate(delivery) > 90k/s", Check{Stat: "rate", Metric: "delivery", Op: ">", Value: 90_000, Unit: UnitPerSecond}},
		{"count(connect) == 10k", Check{Stat: "count", Metric: "connect", Op: "==", Value: 10_000, Unit: UnitCount}},
		{"loss(delivery) == 0", Check{Stat: "loss", Metric: "delivery", Op: "==", Unit: UnitCount}},
		{"loss(delivery) < 0.01%", Check{Stat: "loss", Metric: "delivery", Op: "<", Value: 0.0001, Unit: UnitShare}},
		{"loss == 0", Check{Stat: "loss", Metric: "delivery", Op: "==", Unit: UnitCount}},
		{"late < 10", Check{Stat: "late", Metric: "delivery", Op: "<", Value: 10, Unit: UnitCount}},
		{"errors == 0", Check{Stat: "errors", Op: "==", Unit: UnitCount}},
		{"errors(connect) < 1%", Check{Stat: "errors", Metric: "connect", Op: "<", Value: 0.01, Unit: UnitShare}},
		{"errors(ack.timeout{op=echo}) < 5", Check{Stat: "errors", Metric: "ack.timeout", Labels: map[string]string{"op": "echo"}, Op: "<", Value: 5, Unit: UnitCount}},
		{"errors(connect.http.503) < 1% in ramp", Check{Stat: "errors", Metric: "connect.http.503", Op: "<", Value: 0.01, Unit: UnitShare, Phase: "ramp"}},
		{"achieved(rate) > 99%", Check{Stat: "achieved", Metric: "rate", Op: ">", Value: 0.99, Unit: UnitShare}},
		{"p99(ack) <= 5 ms", Check{Stat: "p99", Quantile: 99, Metric: "ack", Op: "<=", Value: 0.005, Unit: UnitSeconds}},
		{"p99(ack) < 1m 30s in hold", Check{Stat: "p99", Quantile: 99, Metric: "ack", Op: "<", Value: 90, Unit: UnitSeconds, Phase: "hold"}},
		{"p99(ack) < 1 m 30 s over 1 m in hold", Check{Stat: "p99", Quantile: 99, Metric: "ack", Op: "<", Value: 90, Unit: UnitSeconds, Over: time.Minute, Phase: "hold"}},
		{"p99(ack) < 200 ms over 5 s", Check{Stat: "p99", Quantile: 99, Metric: "ack", Op: "<", Value: 0.2, Unit: UnitSeconds, Over: 5 * time.Second}},
		{"max(cpu) < 80 %", Check{Stat: "max", Metric: "cpu", Op: "<", Value: 0.8, Unit: UnitShare}},
		{"max(server.rss) < 256 MiB", Check{Stat: "max", Metric: "server.rss", Op: "<", Value: 256 << 20, Unit: UnitBytes}},
		{"rate(delivery) > 90 k/s", Check{Stat: "rate", Metric: "delivery", Op: ">", Value: 90_000, Unit: UnitPerSecond}},
		{"count(connect) == 10 k in hold", Check{Stat: "count", Metric: "connect", Op: "==", Value: 10_000, Unit: UnitCount, Phase: "hold"}},
		{
			"p99(ack{op=room, group=people}) < 200ms over 5s in steady",
			Check{Stat: "p99", Quantile: 99, Metric: "ack", Labels: map[string]string{"op": "room", "group": "people"}, Op: "<", Value: 0.2, Unit: UnitSeconds, Over: 5 * time.Second, Phase: "steady"},
		},
		{
			"p50(delivery{event=chat:say}) < 1s in a-b_c",
			Check{Stat: "p50", Quantile: 50, Metric: "delivery", Labels: map[string]string{"event": "chat:say"}, Op: "<", Value: 1, Unit: UnitSeconds, Phase: "a-b_c"},
		},
	} {
		got, f, at := parseCheck(c.text)
		if f != nil {
			t.Errorf("%s: %s at %d", c.text, f.msg, at)
			continue
		}
		c.want.Text = c.text
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

// Text after a value is not read as a part of it.
func TestEndOfChecks(t *testing.T) {
	for text, at := range map[string]string{
		"p99(ack) < 5 ms please": "please", "p99(ack) < 5ms 3": "3", "loss == 0 5": "5", "loss == 1 000": "000", "p99(ack) < 5ms 30": "30",
		"p99(ack) < 5ms over 5s 3": "3", "p99(ack) < 5ms in hold over 5s": "over", "p99(ack) < -5ms": "-5ms", "p99(ack) < NaN": "NaN", "p99(ack) < 5 min": "5",
		"loss == 1e3": "1e3", "max(cpu) < Inf%": "Inf%", "errors == 5 ms": "5 ms",
		"errors(ack.timout) < 5": "ack.timout", "errors(cpu) < 5": "cpu", "errors(ack.timeout{transport=polling}) < 5": "transport",
	} {
		_, f, offset := parseCheck(text)
		if f == nil {
			t.Errorf("%s is taken", text)
		} else if !strings.HasPrefix(text[offset:], at) {
			t.Errorf("%s: %s before %q, want it before %q", text, f.msg, text[offset:], at)
		}
	}
}

func TestDefaultValidReadsAsItSays(t *testing.T) {
	for _, c := range defaultValid(&Spec{Groups: []Group{{Send: []Stream{{}}}}}) {
		want, f, _ := parseCheck(c.Text)
		if f != nil {
			t.Fatal(f.msg)
		}
		want.Kind = Valid
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("%s (-read +built in):\n%s", c.Text, diff)
		}
	}
}
