package machine

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Limits bound the number of clients that a process can simulate. A zero means that the system does
// not report the limit.
type Limits struct {
	// file descriptors that this process may open
	FilesSoft int `json:"files_soft,omitempty"`
	// the limit to which the process may raise it
	FilesHard int `json:"files_hard,omitempty"`
	// first local port that the system gives out
	PortLow  int `json:"port_low,omitempty"`
	PortHigh int `json:"port_high,omitempty"` // the last one
	// bytes that the receive buffer of a socket of UDP may have, for processes without privileges
	UDPBuffer int64 `json:"udp_buffer_bytes,omitempty"`
	// of the machine, or of the container when that has less
	Memory int64 `json:"memory_bytes,omitempty"`
	// of it, for new programs, with what only caches files; a page where nothing is left
	Available int64 `json:"memory_available_bytes,omitempty"`
}

// Ports is how many connections to one address can start from one source address; 0: unknown.
func (l Limits) Ports() int {
	if l.PortLow == 0 {
		return 0
	}
	return l.PortHigh - l.PortLow + 1
}

// Of is the limits of so many processes of the machine together.
func (l Limits) Of(processes int) Limits {
	l.FilesSoft *= processes
	l.FilesHard *= processes
	return l
}

// ReadLimits reads the limits of this process on this machine.
func ReadLimits() Limits {
	l := readLimits(os.DirFS("/"))
	l.FilesSoft, l.FilesHard = files()
	return l
}

// readLimits reads the limits in files below a root.
func readLimits(root fs.FS) Limits {
	var l Limits
	if r := numbers(root, "proc/sys/net/ipv4/ip_local_port_range"); len(r) == 2 && 0 < r[0] && r[0] <= r[1] {
		l.PortLow, l.PortHigh = int(r[0]), int(r[1])
	}
	if n := numbers(root, "proc/sys/net/core/rmem_max"); len(n) == 1 && n[0] > 0 {
		l.UDPBuffer = n[0]
	}
	l.Memory = kilobytes(root, "MemTotal")
	l.Available = kilobytes(root, "MemAvailable")
	if limit, used, ok := groupMemory(root); ok && (l.Memory == 0 || limit < l.Memory) {
		l.Memory = limit
		if free := max(limit-used, page); l.Available == 0 || free < l.Available {
			l.Available = free
		}
	}
	return l
}

// page is the least memory that a system gives out.
const page = 4096

// groupMemory finds what the control groups of this process allow: the least limit of its own group
// and of those above it, and how much of it is used by more than files that nobody has read lately:
// the kernel takes the memory of those first, and counts them as used. In a container the group is
// the visible root.
func groupMemory(root fs.FS) (limit, used int64, ok bool) {
	own := map[string]string{} // by controller; "" is version 2
	for line := range strings.Lines(text(root, "proc/self/cgroup")) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 {
			own[parts[1]] = strings.Trim(parts[2], "/")
		}
	}
	for _, version := range []struct{ base, group, limit, used, cache string }{
		{"sys/fs/cgroup", own[""], "memory.max", "memory.current", "inactive_file"},
		{"sys/fs/cgroup/memory", own["memory"], "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	} {
		for group := version.group; ; group = path.Dir(group) {
			dir := path.Join(version.base, group)
			// Version 1 says "no limit" by a number near the largest.
			n := numbers(root, path.Join(dir, version.limit))
			if len(n) == 1 && 0 < n[0] && n[0] <= math.MaxInt64/2 && (!ok || n[0] < limit) {
				limit, used, ok = n[0], 0, true
				if u := numbers(root, path.Join(dir, version.used)); len(u) == 1 {
					used = max(u[0]-statistic(root, path.Join(dir, "memory.stat"), version.cache), 0)
				}
			}
			if group == "" || group == "." {
				break
			}
		}
	}
	return limit, used, ok
}

// text returns a small file without the space around it, "" when it cannot be read.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// numbers returns the whole numbers that a file consists of; nil when it holds anything else.
func numbers(root fs.FS, name string) []int64 {
	var out []int64
	for word := range strings.FieldsSeq(text(root, name)) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}

// field returns the value of the first line "key : value" of a file, "" when there is none.
func field(root fs.FS, name, key string) string {
	for line := range strings.Lines(text(root, name)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// statistic returns the value of a line "key value" of a file, 0 when there is none.
func statistic(root fs.FS, name, key string) int64 {
	for line := range strings.Lines(text(root, name)) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == key {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			return max(n, 0)
		}
	}
	return 0
}

// kilobytes reads a value of /proc/meminfo in bytes.
func kilobytes(root fs.FS, key string) int64 {
	var n int64
	if _, err := fmt.Sscanf(field(root, "proc/meminfo", key), "%d kB", &n); err != nil {
		return 0
	}
	return n << 10
}
