package machine

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Usable is how many processors a process may use: its affinity, or less where a control group has
// a quota of processor time. Where the system does not report that, it is this machine's number of
// processors. The caller takes GOMAXPROCS into account.
func Usable(pid int) float64 {
	n := float64(runtime.NumCPU())
	if bound, ok := affinity(pid); ok {
		n = float64(bound)
	}
	if q := quotaOf(os.DirFS("/"), strconv.Itoa(pid)); q > 0 {
		n = min(n, q)
	}
	return n
}

// quotaOf is the processor time that the control groups of a process allow it, in processors; 0
// when they do not limit it. The tightest of a group and those above it counts.
func quotaOf(root fs.FS, pid string) float64 {
	least := math.Inf(1)
	for _, g := range cpuGroups(root, pid) {
		for dir := g.dir; ; dir = path.Dir(dir) {
			if q := quotaIn(root, dir); q > 0 {
				least = min(least, q)
			}
			if dir == g.top || len(dir) <= len(g.top) {
				break
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// A cpuGroup is a control group as a directory, relative to the root of the file system, and where
// its hierarchy is mounted.
type cpuGroup struct{ dir, top string }

// cpuGroups lists the control groups that may limit a process's processor time: the group of
// version 2, and the group of version 1's controller cpu (cgroups(7), proc_pid_mountinfo(5)).
func cpuGroups(root fs.FS, pid string) (out []cpuGroup) {
	type mount struct{ at, from string }
	var v1, v2 *mount
	for line := range strings.Lines(text(root, path.Join("proc", pid, "mountinfo"))) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		m := &mount{at: strings.TrimPrefix(left[4], "/"), from: left[3]}
		switch {
		case right[0] == "cgroup2":
			v2 = m
		case right[0] == "cgroup" && hasWord(right[2], "cpu"):
			v1 = m
		}
	}
	for line := range strings.Lines(text(root, path.Join("proc", pid, "cgroup"))) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		m := v1
		switch {
		case parts[0] == "0" && parts[1] == "":
			m = v2
		case !hasWord(parts[1], "cpu"):
			continue
		}
		if m == nil {
			continue
		}
		within := strings.TrimPrefix(parts[2], strings.TrimSuffix(m.from, "/"))
		out = append(out, cpuGroup{dir: path.Join(m.at, within), top: m.at})
	}
	return out
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// quotaIn reads the quota of one group, of version 2 or 1; 0 when it has none.
func quotaIn(root fs.FS, dir string) float64 {
	if words := strings.Fields(text(root, path.Join(dir, "cpu.max"))); len(words) == 2 {
		return share(words[0], words[1])
	}
	return share(text(root, path.Join(dir, "cpu.cfs_quota_us")), text(root, path.Join(dir, "cpu.cfs_period_us")))
}

// share is a quota divided by its period; 0 for "max", "-1" and text that is not a number.
func share(quota, period string) float64 {
	var q, p float64
	if _, err := fmt.Sscan(quota+" "+period, &q, &p); err != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}
