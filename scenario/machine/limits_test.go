package machine

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// rootOf makes a root folder out of paths and contents.
func rootOf(contents map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for path, content := range contents {
		root[path] = &fstest.MapFile{Data: []byte(content)}
	}
	return root
}

func TestReadLimits(t *testing.T) {
	const gib = 1 << 30
	meminfo := "MemTotal:       8388608 kB\nMemFree: 1 kB\nMemAvailable:   4194304 kB\n"
	for name, tt := range map[string]struct {
		root map[string]string
		want Limits
	}{
		"nothing": {},
		"a machine": {
			root: map[string]string{
				"proc/meminfo":                               meminfo,
				"proc/sys/net/ipv4/ip_local_port_range":      "32768\t60999\n",
				"sys/fs/cgroup/memory.max":                   "max\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			},
			want: Limits{PortLow: 32768, PortHigh: 60999, Memory: 8 * gib, Available: 4 * gib},
		},
		"a container": {
			root: map[string]string{
				"proc/meminfo":                 meminfo,
				"proc/self/cgroup":             "0::/\n",
				"sys/fs/cgroup/memory.max":     "2147483648\n",
				"sys/fs/cgroup/memory.current": "1073741824\n",
			},
			want: Limits{Memory: 2 * gib, Available: gib},
		},
		"a service": {
			root: map[string]string{
				"proc/meminfo":     meminfo,
				"proc/self/cgroup": "0::/system.slice/throng.service\n",
				"sys/fs/cgroup/system.slice/throng.service/memory.max":     "1073741824\n",
				"sys/fs/cgroup/system.slice/throng.service/memory.current": "2147483648\n",
			},
			want: Limits{Memory: gib, Available: page}, // more is used than allowed: nothing is available, which is known
		},
		"a container full of files that were read once": {
			root: map[string]string{
				"proc/meminfo":                 meminfo,
				"proc/self/cgroup":             "0::/\n",
				"sys/fs/cgroup/memory.max":     "2147483648\n",
				"sys/fs/cgroup/memory.current": "2147479552\n",
				"sys/fs/cgroup/memory.stat":    "anon 1073737728\nfile 1073741824\ninactive_file 1073741824\nactive_file 0\n",
			},
			want: Limits{Memory: 2 * gib, Available: gib + 4096},
		},
		"one whose numbers do not fit": {
			root: map[string]string{
				"sys/fs/cgroup/memory.max":     "2147483648\n",
				"sys/fs/cgroup/memory.current": "1073741824\n",
				"sys/fs/cgroup/memory.stat":    "inactive_file 4294967296\ninactive_file\n",
			},
			want: Limits{Memory: 2 * gib, Available: 2 * gib},
		},
		"a service in a smaller slice": {
			root: map[string]string{
				"proc/meminfo":     meminfo,
				"proc/self/cgroup": "0::/load.slice/throng.service\n",
				"sys/fs/cgroup/load.slice/throng.service/memory.max": "3221225472\n",
				"sys/fs/cgroup/load.slice/memory.max":                "2147483648\n",
				"sys/fs/cgroup/load.slice/memory.current":            "1073741824\n",
				"sys/fs/cgroup/memory.max":                           "max\n",
			},
			want: Limits{Memory: 2 * gib, Available: gib},
		},
		"control groups of version 1": {
			root: map[string]string{
				"proc/meminfo":     meminfo,
				"proc/self/cgroup": "5:cpu:/a\n4:memory:/a/b\n",
				"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "3221225472\n",
				"sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "2147483648\n",
				"sys/fs/cgroup/memory/a/b/memory.stat":           "inactive_file 5\ntotal_inactive_file 1073741824\n",
			},
			want: Limits{Memory: 3 * gib, Available: 2 * gib},
		},
		"files that hold something else": {
			root: map[string]string{
				"proc/meminfo":                          "MemTotal: many kB\nMemAvailable\n",
				"proc/sys/net/ipv4/ip_local_port_range": "60999 32768",
				"sys/fs/cgroup/memory.max":              "-1",
				"proc/self/cgroup":                      "::\n:\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readLimits(rootOf(tt.root))); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	if n := (Limits{PortLow: 32768, PortHigh: 60999}).Ports(); n != 28232 {
		t.Errorf("%d ports", n)
	}
	if n := (Limits{}).Ports(); n != 0 {
		t.Errorf("%d ports of an unknown range", n)
	}
}

// The limits of the process that runs the test: whatever they are, they make sense.
func TestReadLimitsHere(t *testing.T) {
	RaiseFiles()
	l := ReadLimits()
	if l.FilesSoft > l.FilesHard || l.FilesSoft < 0 || l.Available > l.Memory || l.Ports() < 0 {
		t.Errorf("%+v", l)
	}
}
