package machine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func states(list []Finding) map[string]string {
	m := map[string]string{}
	for _, f := range list {
		m[f.Name] = f.State
	}
	return m
}

var quickFloor = Floor{
	Pacer: Spread{N: 9, P50: 1500, P99: 250 * time.Microsecond}, Timer: Spread{N: 9, P99: time.Millisecond},
	RoundTrip: Spread{N: 9, P50: 34 * time.Microsecond, P99: 161 * time.Microsecond, P999: 4 * time.Millisecond},
	Echo:      Spread{N: 9, P50: 40 * time.Microsecond, P99: 234567, P999: 12345678}, Busy: 0.1,
}

func TestExamineGood(t *testing.T) {
	f := read(rootOf(typical), 4096)
	f.FilesSoft, f.FilesHard, f.OS, f.Arch, f.Go, f.Cores, f.Quota, f.Governor = 1<<20, 1<<20, "linux", "amd64", "go1.26", 4, 0, "performance"
	list := Examine(f, quickFloor)
	for _, one := range list {
		if one.State != OK || one.Value == "" || one.Means == "" || one.Fix != "" {
			t.Errorf("%+v", one)
		}
	}
	i := slices.IndexFunc(list, func(f Finding) bool { return f.Name == "processor" })
	if list[i].Value != "Some CPU, 4 cores" {
		t.Errorf("processor %q", list[i].Value)
	}
	if i := slices.IndexFunc(list, func(f Finding) bool { return f.Name == "pacing" }); list[i].Value != "p50 1.5 µs, p99 250 µs" {
		t.Errorf("pacing %q", list[i].Value)
	}
}

// Everything that can be low is found out, and comes with a fix.
func TestExamineLow(t *testing.T) {
	steal := 0.2
	f := Facts{
		Limits: Limits{FilesSoft: 1024, FilesHard: 4096, PortLow: 50000, PortHigh: 60000, Memory: 512 << 20, Available: 100 << 20, UDPBuffer: 208 << 10},
		OS:     "linux", Arch: "amd64", Go: "go1.26", CPU: "x", Cores: 8, Quota: 0.5, MHz: 800, Governor: "powersave", Steal: &steal, Clock: "hpet",
		Somaxconn: 128, TCPMem: []int64{1, 2, 3}, Rmem: []int64{1, 2, 3}, Wmem: []int64{1, 2, 3}, Conntrack: &Tracked{60_000, 100_000}, ProcFS: true,
	}
	slow := Spread{N: 9, P50: time.Second, P99: time.Second}
	list := Examine(f, Floor{Pacer: slow, Timer: slow, RoundTrip: slow, Echo: slow, Busy: 0.9, Steal: 0.1})
	for _, one := range list {
		if one.Name == "system" {
			continue
		}
		if one.State != Low || one.Fix == "" {
			t.Errorf("not low, or without a fix: %+v", one)
		}
	}
	if len(list) != 17 {
		t.Errorf("%d findings", len(list))
	}
}

// On a system that reports no facts, the measurements remain.
func TestExamineElsewhere(t *testing.T) {
	list := Examine(Facts{OS: "plan9", Arch: "arm64", Go: "go1.26", Cores: 2}, quickFloor)
	got := states(list)
	for _, name := range []string{"file descriptors", "local ports", "memory", "somaxconn", "TCP memory", "socket buffers", "UDP buffers", "tracked connections", "frequency", "steal", "clock"} {
		if got[name] != Unknown {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	for _, name := range []string{"system", "processor", "pacing", "time.Sleep", "loopback"} {
		if got[name] != OK {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	for _, one := range list {
		if one.State == Unknown && (one.Value != "not on this system" || one.Fix != "") {
			t.Errorf("%+v", one)
		}
	}
}

func TestExamineWithoutFloor(t *testing.T) {
	if got := states(Examine(Facts{}, Floor{})); got["pacing"] != "" || got["processor"] == "" {
		t.Errorf("%v", got)
	}
	if s := (Floor{}).Sentence(); s != "" {
		t.Errorf("a floor that was not measured says %q", s)
	}
}

func TestSentence(t *testing.T) {
	if s := quickFloor.Sentence(); !strings.Contains(s, "takes 40 µs at p50, 235 µs at p99 and 12.3 ms at p99.9:") {
		t.Error(s)
	}
}
