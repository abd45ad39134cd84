package machine

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Facts describes a machine before any measurement. A zero means that the system does not report
// the fact; no field identifies the machine or its user.
type Facts struct {
	Limits
	OS       string  `json:"os"`
	Arch     string  `json:"arch"`
	Kernel   string  `json:"kernel,omitempty"`
	Go       string  `json:"go"`
	CPU      string  `json:"cpu,omitempty"` // model
	Cores    int     `json:"cores"`
	Quota    float64 `json:"cpu_quota,omitempty"` // cores that a container may use; 0: all
	MHz      float64 `json:"mhz,omitempty"`       // of the fastest core now
	MaxMHz   float64 `json:"max_mhz,omitempty"`
	Governor string  `json:"governor,omitempty"` // of the frequency
	// share of the CPU time since boot that other virtual machines took; nil: unknown
	Steal *float64 `json:"steal,omitempty"`
	Clock string   `json:"clock,omitempty"` // the kernel's clock source
	// longest queue of connections that wait to be accepted
	Somaxconn int `json:"somaxconn,omitempty"`
	// bytes of all TCP buffers: low, pressure, maximum
	TCPMem []int64 `json:"tcp_mem,omitempty"`
	// bytes of a socket's receive buffer: least, default, maximum
	Rmem []int64 `json:"tcp_rmem,omitempty"`
	Wmem []int64 `json:"tcp_wmem,omitempty"` // bytes of its send buffer
	// nil: connections are not tracked, or it is unknown
	Conntrack *Tracked `json:"conntrack,omitempty"`
	ProcFS    bool     `json:"-"` // whether the system has /proc at all
}

// Tracked is the state of the kernel's connection tracking.
type Tracked struct {
	Count int64 `json:"count"`
	Max   int64 `json:"max"`
}

// Read collects the facts about this machine.
func Read() Facts {
	f := read(os.DirFS("/"), int64(os.Getpagesize()))
	f.FilesSoft, f.FilesHard = files()
	f.OS, f.Arch, f.Go, f.Cores = runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU()
	return f
}

// read collects the facts in files below a root.
func read(root fs.FS, page int64) Facts {
	const cpufreq = "sys/devices/system/cpu/cpu0/cpufreq/"
	f := Facts{
		Limits:   readLimits(root),
		Kernel:   text(root, "proc/sys/kernel/osrelease"),
		CPU:      field(root, "proc/cpuinfo", "model name"),
		Quota:    quotaOf(root, "self"),
		MHz:      fastest(root),
		Governor: text(root, cpufreq+"scaling_governor"),
		Clock:    text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
		TCPMem:   triple(root, "proc/sys/net/ipv4/tcp_mem", page),
		Rmem:     triple(root, "proc/sys/net/ipv4/tcp_rmem", 1),
		Wmem:     triple(root, "proc/sys/net/ipv4/tcp_wmem", 1),
		ProcFS:   text(root, "proc/stat") != "",
	}
	if n := numbers(root, cpufreq+"cpuinfo_max_freq"); len(n) == 1 {
		f.MaxMHz = float64(n[0]) / 1000
	}
	if n := numbers(root, "proc/sys/net/core/somaxconn"); len(n) == 1 {
		f.Somaxconn = int(n[0])
	}
	if t := readTicks(root); t.total > 0 {
		share := float64(t.steal) / float64(t.total)
		f.Steal = &share
	}
	count, limit := numbers(root, "proc/sys/net/netfilter/nf_conntrack_count"), numbers(root, "proc/sys/net/netfilter/nf_conntrack_max")
	if len(count) == 1 && len(limit) == 1 {
		f.Conntrack = &Tracked{count[0], limit[0]}
	}
	return f
}

func triple(root fs.FS, path string, unit int64) []int64 {
	n := numbers(root, path)
	if len(n) != 3 {
		return nil
	}
	for i := range n {
		n[i] *= unit
	}
	return n
}

// fastest is the highest frequency of a core, in MHz.
func fastest(root fs.FS) float64 {
	best := 0.0
	for line := range strings.Lines(text(root, "proc/cpuinfo")) {
		k, v, _ := strings.Cut(line, ":")
		if strings.TrimSpace(k) != "cpu MHz" {
			continue
		}
		if mhz, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			best = max(best, mhz)
		}
	}
	return best
}

// ticks are the CPU times of all cores since boot (proc(5), /proc/stat): user, nice, system, idle,
// iowait, irq, softirq, steal. Guest time is already part of user.
type ticks struct{ total, busy, steal int64 }

func readTicks(root fs.FS) ticks {
	line, _, _ := strings.Cut(text(root, "proc/stat"), "\n")
	words := strings.Fields(line)
	if len(words) < 9 || words[0] != "cpu" {
		return ticks{}
	}
	var t ticks
	for i, w := range words[1:9] {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return ticks{}
		}
		t.total += n
		switch i {
		case 3, 4:
		case 7:
			t.steal = n
		default:
			t.busy += n
		}
	}
	return t
}
