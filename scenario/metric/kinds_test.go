package metric

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is written is the value, to three digits, in every unit.
func TestAmountsAreTrue(t *testing.T) {
	factors := map[string]float64{
		"µs": 1e-6, "ms": 1e-3, "s": 1, "%": 0.01, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "": 1,
	}
	limits := map[string][2]float64{Seconds: {1e-5, 1e5}, Share: {1e-5, 10}, Bytes: {1, 1e15}, PerSecond: {1e-4, 1e9}, Count: {1e-4, 1e12}}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{Seconds, Share, Bytes, PerSecond, Count}).Draw(t, "unit")
		low, high := math.Log(limits[unit][0]), math.Log(limits[unit][1])
		v := math.Exp(rapid.Float64Range(low, high).Draw(t, "log"))
		if rapid.Bool().Draw(t, "negative") {
			v = -v
		}
		text := Format(v, unit)
		digits, word := strings.TrimSuffix(text, "/s"), ""
		if i := strings.LastIndexByte(digits, ' '); i >= 0 && strings.Trim(digits[i+1:], "0123456789.") != "" {
			digits, word = digits[:i], digits[i+1:]
		}
		factor, known := factors[word]
		got, err := strconv.ParseFloat(strings.ReplaceAll(digits, " ", ""), 64)
		if err != nil || !known || (unit == PerSecond) != strings.HasSuffix(text, "/s") {
			t.Fatalf("%v %s is written %q: %v", v, unit, text, err)
		}
		if diff := math.Abs(got*factor-v) / math.Abs(v); diff > 0.00501 {
			t.Fatalf("%v %s is written %q, which is %v", v, unit, text, got*factor)
		}
		whole, part, _ := strings.Cut(strings.TrimPrefix(digits, "-"), ".")
		for _, group := range strings.Split(whole, " ")[1:] {
			if len(group) != 3 {
				t.Fatalf("%q: thousands stand apart", text)
			}
		}
		if part != "" && (len(strings.TrimLeft(strings.ReplaceAll(whole, " ", "")+part, "0")) > 3 || strings.HasSuffix(part, "0")) {
			t.Fatalf("%q has more digits than three, or ends with a zero", text)
		}
		if unit == Seconds && (got >= 1000 && word != "s" || math.Abs(got) < 1 && word == "s") {
			t.Fatalf("%q is in the wrong unit", text)
		}
		if unit == Bytes && math.Abs(got) >= 1024 && word != "TiB" {
			t.Fatalf("%q is in the wrong unit", text)
		}
	})
}

func TestAmountsByName(t *testing.T) {
	for got, want := range map[string]string{
		FormatFound(0.5, 1, true, Seconds):           "> 500 ms",
		FormatFound(0.10003, 0.1, false, Seconds):    "100.03 ms",
		FormatNumber(0.01234):                        "0.0123",
		FormatSeconds(0.0125):                        "12.5 ms",
		FormatBytes(1536):                            "1.5 KiB",
		FormatBytes(1<<20 - 1):                       "1 MiB",
		FormatBytes(1023):                            "1 023 B",
		FormatBytes(-3.5 * 1024):                     "-3.5 KiB",
		FormatShare(0.4567):                          "45.7 %",
		FormatRate(1234.6):                           "1 235/s",
		FormatDuration(-1500 * time.Microsecond):     "-1.5 ms",
		FormatNumber(1e-6):                           "0.000001",
		FormatNumber(999_999_999_999_999):            "999 999 999 999 999",
		FormatNumber(1e15) + FormatNumber(0.9999e-6): "1e+15" + "1e-06",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Each property of a metric holds for exactly these.
func TestPropertiesOfMetrics(t *testing.T) {
	for what, c := range map[string]struct {
		is   func(name string) bool
		want []string
	}{
		"counts always":          {Always, []string{Before, Connect, ConnectAttempt, ConnectTCP, ConnectTLS, ConnectResumed, ConnectQUIC, ConnectOpen, ConnectNamespace, ConnectUpgrade, Reconnect, ReconnectAttempt, ReconnectTCP, ReconnectTLS, ReconnectQUIC, ReconnectOpen, ReconnectNamespace, ReconnectUpgrade, Channel, ChannelSignalling, ChannelICE, ChannelDTLS, ChannelOpen}},
		"is of the generator":    {OfGenerator, []string{Lag, LagReceive}},
		"has its own net series": {HasNet, []string{Delivery, Ack, Connect, ConnectAttempt}},
		"contains the sending":   {Sends, []string{Delivery, FanoutLast, FanoutFirst, Ack, Gap, Jitter}},
		"is a net series":        {IsNet, nil},
		"is by room":             {func(name string) bool { m, _ := Of(name); return m.Has(LabelRoomDecile) }, []string{Delivery, FanoutLast, FanoutFirst, FanoutSpread}},
		"is by replay":           {func(name string) bool { m, _ := Of(name); return m.Has(LabelReplayed) }, []string{Delivery}},
		"is by phase":            {func(name string) bool { m, _ := Of(name); return m.Has(LabelPhase) }, Names()},
		"is a histogram":         {func(name string) bool { return slices.Contains(Names(Latency), name) }, Names()[:slices.Index(Names(), CPU)]},
	} {
		var got []string
		for _, name := range Names() {
			if c.is(name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
		if c.is("nothing") && what != "is by phase" {
			t.Errorf("%s: a metric that is not there does", what)
		}
	}
	if !IsNet(Delivery+NetSuffix) || IsNet(Delivery+SlowSuffix) {
		t.Error("a net series is told by its suffix")
	}
}

// A limit of the generator's own system is told from what the target did.
func TestOwnErrors(t *testing.T) {
	for class, want := range map[string]bool{
		"connect.ports": true, "connect.files": true, "reconnect.ports": true, "reconnect.files": true, "connect.refused": false, "connect.limit": true, "drop.limit": true, "send.limit": false,
		"upgrade.ports": true, "step.files": true, "drop.ports": true, "before.ports": true, "ack.files": true, "send.late": true, "agent.lost": true,
		"upgrade.limit": false, "send.full": false, "step.http": false, "drop.transport_error": false, "ack.late": false,
	} {
		if got := ParseErrorClass(class).Own(); got != want {
			t.Errorf("%s is the generator's own: %v", class, got)
		}
	}
}

func TestStatistics(t *testing.T) {
	var ledger []string
	for _, name := range StatNames() {
		s, known := StatOf(name)
		if !known || s.Name != name {
			t.Errorf("%s is not known", name)
		}
		if OfLedger(name) {
			ledger = append(ledger, name)
		}
	}
	if want := []string{StatLoss, StatDup, StatDisorder, StatLate, StatUndecided}; fmt.Sprint(ledger) != fmt.Sprint(want) {
		t.Errorf("of the ledger: %v, want %v", ledger, want)
	}
	if OfLedger("p99") || OfLedger("nothing") {
		t.Error("percentiles are not of the ledger")
	}
}
