package result

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Environment describes this machine and this program, with nothing that names the machine or its
// user: os, arch, kernel, cpu (model), cores, gomaxprocs, memory_bytes, clock (the kernel's clock
// source), go, throng (version) and commit. What cannot be found out, as most of it outside Linux,
// is left out.
func Environment() map[string]string {
	env := map[string]string{
		"os":         runtime.GOOS,
		"arch":       runtime.GOARCH,
		"cores":      strconv.Itoa(runtime.NumCPU()),
		"gomaxprocs": strconv.Itoa(runtime.GOMAXPROCS(0)),
		"go":         runtime.Version(),
		"kernel":     readLine("/proc/sys/kernel/osrelease"),
		"clock":      readLine("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
		"cpu":        field("/proc/cpuinfo", "model name"),
		"throng":     Version(),
		"commit":     BuildRevision().String(),
	}
	if kb, ok := strings.CutSuffix(field("/proc/meminfo", "MemTotal"), " kB"); ok {
		if n, err := strconv.ParseInt(strings.TrimSpace(kb), 10, 64); err == nil {
			env["memory_bytes"] = strconv.FormatInt(n*1024, 10)
		}
	}
	for k, v := range env {
		if v == "" {
			delete(env, k)
		}
	}
	return env
}

// Version is the version of this program as the Go tool stamped it: a release, a pseudo-version, or
// "devel".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// Revision is what a program was built from, as the Go tool stamped it. The zero value is a build
// outside of version control.
type Revision struct {
	ID       string // of the version control system, in full
	Modified bool   // files had been changed since
	Time     string // of ID, RFC 3339
}

// BuildRevision is the revision of this program.
func BuildRevision() (r Revision) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return r
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			r.ID = s.Value
		case "vcs.modified":
			r.Modified = s.Value == "true"
		case "vcs.time":
			r.Time = s.Value
		}
	}
	return r
}

// String abbreviates the revision, with a mark for changed files; "" when it is not known.
func (r Revision) String() string {
	short := r.ID[:min(12, len(r.ID))]
	if short != "" && r.Modified {
		short += "+changes"
	}
	return short
}

// readLine returns the first line of a small file, or nothing.
func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// field returns the value of the first "key : value" line of a /proc file, or nothing.
func field(path, key string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
