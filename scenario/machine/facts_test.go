package machine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typical is a virtual machine with Linux.
var typical = map[string]string{
	"proc/stat":                                                       "cpu  100 0 50 800 10 0 30 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n",
	"proc/cpuinfo":                                                    "processor\t: 0\nmodel name\t: Some CPU\ncpu MHz\t\t: 2400.5\n\nprocessor\t: 1\nmodel name\t: Some CPU\ncpu MHz\t\t: 2600.25\n",
	"proc/meminfo":                                                    "MemTotal: 4194304 kB\nMemAvailable: 2097152 kB\n",
	"proc/sys/kernel/osrelease":                                       "6.18.1\n",
	"proc/sys/net/ipv4/ip_local_port_range":                           "32768\t60999\n",
	"proc/sys/net/ipv4/tcp_mem":                                       "100\t200\t300000\n",
	"proc/sys/net/ipv4/tcp_rmem":                                      "4096\t131072\t6291456\n",
	"proc/sys/net/ipv4/tcp_wmem":                                      "4096\t16384\t4194304\n",
	"proc/sys/net/core/somaxconn":                                     "4096\n",
	"proc/sys/net/core/rmem_max":                                      "7500000\n",
	"proc/sys/net/netfilter/nf_conntrack_count":                       "7\n",
	"proc/sys/net/netfilter/nf_conntrack_max":                         "262144\n",
	"proc/self/mountinfo":                                             "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
	"proc/self/cgroup":                                                "0::/\n",
	"sys/fs/cgroup/cpu.max":                                           "150000 100000\n",
	"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor":            "powersave\n",
	"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq":            "3600000\n",
	"sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
}

func TestRead(t *testing.T) {
	steal := 0.01
	want := Facts{
		Limits: Limits{PortLow: 32768, PortHigh: 60999, Memory: 4 << 30, Available: 2 << 30, UDPBuffer: 7_500_000},
		Kernel: "6.18.1", CPU: "Some CPU", Quota: 1.5, MHz: 2600.25, MaxMHz: 3600, Governor: "powersave", Steal: &steal, Clock: "tsc",
		Somaxconn: 4096, TCPMem: []int64{409600, 819200, 300000 * 4096}, Rmem: []int64{4096, 131072, 6291456}, Wmem: []int64{4096, 16384, 4194304},
		Conntrack: &Tracked{7, 262144}, ProcFS: true,
	}
	if diff := cmp.Diff(want, read(rootOf(typical), 4096)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Facts{}, read(rootOf(nil), 4096)); diff != "" {
		t.Errorf("facts of a system that tells nothing (-want +got):\n%s", diff)
	}
}

// Files of another form yield no facts and no error.
func TestReadStrangeFiles(t *testing.T) {
	for path := range typical {
		for _, content := range []string{"", "\n", "-", "cpu", "cpu a b c d e f g h", "1 2", "max max", "5 0", "99999999999999999999 1 1", "cpu MHz : fast"} {
			root := rootOf(typical)
			root[path].Data = []byte(content)
			if f := read(root, 4096); f.Quota < 0 || f.Ports() < 0 || f.Steal != nil && (*f.Steal < 0 || *f.Steal > 1) {
				t.Errorf("%s = %q: %+v", path, content, f)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	if got, want := readTicks(rootOf(typical)), (ticks{total: 1000, busy: 180, steal: 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
