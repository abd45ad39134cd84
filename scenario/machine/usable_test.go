package machine

import (
	"os"
	"runtime"
	"testing"
)

func TestQuotaOf(t *testing.T) {
	const v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	const v1 = "33 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 32 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"nothing is known": {nil, 0},
		"no limit":         {map[string]string{"proc/7/mountinfo": v2, "proc/7/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, 0},
		"version 2":        {map[string]string{"proc/7/mountinfo": v2, "proc/7/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "50000 100000\n"}, 0.5},
		"the group above": {map[string]string{
			"proc/7/mountinfo": v2, "proc/7/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
		}, 1.5},
		"the root of a container": {map[string]string{"proc/7/mountinfo": v2, "proc/7/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2},
		"a container's part of the host": {map[string]string{
			"proc/7/mountinfo": "30 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "proc/7/cgroup": "0::/docker/x/y\n", "sys/fs/cgroup/y/cpu.max": "25000 100000\n",
		}, 0.25},
		"version 1": {map[string]string{
			"proc/7/mountinfo": v1, "proc/7/cgroup": "4:memory:/m\n3:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "75000\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "50000\n",
		}, 1.5},
		"version 1 without a limit": {map[string]string{
			"proc/7/mountinfo": v1, "proc/7/cgroup": "3:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
		}, 0},
		"another process": {map[string]string{"proc/8/mountinfo": v2, "proc/8/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 0},
		"damaged":         {map[string]string{"proc/7/mountinfo": " - \n" + v2, "proc/7/cgroup": "0:\n::\n0::/a\n", "sys/fs/cgroup/a/cpu.max": "a b\n"}, 0},
	} {
		if got := quotaOf(rootOf(c.files), "7"); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestUsable(t *testing.T) {
	if n := Usable(os.Getpid()); n <= 0 || n > float64(runtime.NumCPU()) {
		t.Errorf("%v processors of %d", n, runtime.NumCPU())
	}
}
