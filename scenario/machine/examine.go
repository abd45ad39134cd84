package machine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
)

// The states of a finding.
const (
	OK      = "ok"
	Low     = "low"     // may spoil a measurement: there is a fix
	Unknown = "unknown" // not reported by the system
)

// Finding is one fact in words.
type Finding struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	State string `json:"state"` // OK, Low or Unknown
	Means string `json:"means"`
	Fix   string `json:"fix,omitempty"` // when it is low
}

const notHere = "not on this system"

// Below these, a machine limits tests that are common.
const (
	fewFiles      = 10_000
	fewPorts      = 16_384
	shortQueue    = 1_024
	littleTCP     = 256 << 20
	littleBuffer  = 1 << 20
	littleMemory  = 1 << 30
	fewTracked    = 65_536
	muchSteal     = 0.01
	muchBusy      = 0.5
	latePacer     = time.Millisecond
	lateTimer     = 2 * time.Millisecond
	longRoundTrip = time.Millisecond
)

// Examine puts the facts and the floor of a machine into words.
func Examine(f Facts, floor Floor) []Finding {
	return slices.Concat(examineLimits(f), examineTCP(f), examineTime(f, floor))
}

// finding makes one; a fix that is not needed is left out, and an empty value is unknown.
func finding(name, value, means string, low bool, fix string) Finding {
	switch {
	case value == "":
		return Finding{Name: name, Value: notHere, State: Unknown, Means: means}
	case low:
		return Finding{Name: name, Value: value, State: Low, Means: means, Fix: fix}
	}
	return Finding{Name: name, Value: value, State: OK, Means: means}
}

func examineLimits(f Facts) []Finding {
	fileLimit, ports, memory, system := "", "", "", f.Kernel
	if f.FilesHard > 0 {
		fileLimit = fmt.Sprintf("%d hard, %d soft", f.FilesHard, f.FilesSoft)
	}
	if n := f.Ports(); n > 0 {
		ports = fmt.Sprintf("%d (%d to %d)", n, f.PortLow, f.PortHigh)
	}
	room := int64(0)
	if f.Memory > 0 {
		memory = fmt.Sprintf("%s, %s of it free", metric.FormatBytes(f.Memory), metric.FormatBytes(f.Available))
		room = max(f.Available-2*BaseBytes, 0) / (WebSocketBytes + ServerWebSocketBytes)
	}
	if system == "" {
		system = f.OS
	} else {
		system = f.OS + " " + system
	}
	return []Finding{
		finding("system", system+" "+f.Arch+", "+f.Go, "compare results only between machines with the same kernel and Go version", false, ""),
		finding("file descriptors", fileLimit, "a websocket client takes one, a polling client two; the soft limit is raised to the hard one by itself",
			f.FilesHard < fewFiles, "`ulimit -n 100000` as root in the shell that starts throng, LimitNOFILE= of a service, --ulimit nofile= of a container"),
		finding("local ports", ports, "connections to one address from one source address; each further source address (connect.from) adds as many",
			f.Ports() < fewPorts, `sysctl -w net.ipv4.ip_local_port_range="1024 65535", or give the groups source addresses: connect: {from: [127.0.0.2, 127.0.0.3]}`),
		finding("memory", memory, fmt.Sprintf("room for about %d websocket clients and the built-in server", room),
			f.Available < littleMemory, "end other programs, or give the container more"),
	}
}

func examineTCP(f Facts) []Finding {
	queue, all, buffers, tracked, udp := "", "", "", "", ""
	if f.UDPBuffer > 0 {
		udp = "at most " + metric.FormatBytes(f.UDPBuffer)
	}
	if f.Somaxconn > 0 {
		queue = strconv.Itoa(f.Somaxconn)
	}
	if f.TCPMem != nil {
		all = fmt.Sprintf("%s, pressure from %s", metric.FormatBytes(f.TCPMem[2]), metric.FormatBytes(f.TCPMem[1]))
	}
	if f.Rmem != nil && f.Wmem != nil {
		buffers = fmt.Sprintf("receive %s, at most %s; send %s, at most %s", metric.FormatBytes(f.Rmem[1]), metric.FormatBytes(f.Rmem[2]), metric.FormatBytes(f.Wmem[1]), metric.FormatBytes(f.Wmem[2]))
	}
	full := false
	switch {
	case f.Conntrack != nil:
		tracked = fmt.Sprintf("%d of %d", f.Conntrack.Count, f.Conntrack.Max)
		full = f.Conntrack.Max < fewTracked || f.Conntrack.Count > f.Conntrack.Max/2
	case f.ProcFS:
		tracked = "none"
	}
	return []Finding{
		finding("somaxconn", queue, "connections that may wait to be accepted; in a larger burst, clients are delayed by a second or refused",
			f.Somaxconn < shortQueue, "sysctl -w net.core.somaxconn=4096"),
		finding("TCP memory", all, "memory for the buffers of all sockets together; under pressure buffers shrink, beyond the maximum packets are dropped",
			f.TCPMem != nil && f.TCPMem[2] < littleTCP, `raise net.ipv4.tcp_mem (pages of memory): sysctl -w net.ipv4.tcp_mem="65536 131072 262144"`),
		finding("socket buffers", buffers, "bytes that the kernel buffers for a slow reader before the sender notices",
			f.Rmem != nil && f.Wmem != nil && (f.Rmem[2] < littleBuffer || f.Wmem[2] < littleBuffer), `sysctl -w net.ipv4.tcp_rmem="4096 131072 6291456" net.ipv4.tcp_wmem="4096 16384 4194304"`),
		finding("UDP buffers", udp, fmt.Sprintf("of WebTransport, for which QUIC asks for %s: with less, packets of a burst are lost and sent again; privileged processes may exceed it", metric.FormatBytes(udpBuffer)),
			f.UDPBuffer < udpBuffer, fmt.Sprintf("sysctl -w net.core.rmem_max=%d net.core.wmem_max=%d", udpBuffer, udpBuffer)),
		finding("tracked connections", tracked, "a firewall that tracks connections keeps an entry for each, also for minutes after its end, and drops new ones when it is full",
			full, "sysctl -w net.netfilter.nf_conntrack_max=1048576"),
	}
}

// slowClocks take a system call or a bus access for each reading.
var slowClocks = []string{"acpi_pm", "hpet", "jiffies", "refined-jiffies"}

func examineTime(f Facts, floor Floor) []Finding {
	cores := fmt.Sprintf("%d cores", f.Cores)
	if f.Quota > 0 {
		cores = fmt.Sprintf("%.3g of %s", f.Quota, cores)
	}
	few := f.Cores < 2 || f.Quota > 0 && f.Quota < 2
	speed, steal := "", ""
	if f.MHz > 0 {
		speed = fmt.Sprintf("%.0f MHz", f.MHz)
		if f.MaxMHz > 0 {
			speed += fmt.Sprintf(" of %.0f", f.MaxMHz)
		}
	}
	if f.Governor != "" {
		speed = strings.TrimPrefix(speed+", governor "+f.Governor, ", ")
	}
	if f.Steal != nil {
		steal = fmt.Sprintf("%.2f %% now, %.2f %% since boot", floor.Steal*100, *f.Steal*100)
	}
	busy := ""
	if floor.Busy > 0 {
		busy = fmt.Sprintf("%.0f %% of all cores", floor.Busy*100)
	}
	const others = "end other programs, or use a machine with cores of its own"
	list := []Finding{
		finding("processor", strings.TrimPrefix(f.CPU+", "+cores, ", "), "the server, the generator and all other programs share it",
			few, "use at least two cores: with one, server and generator wait for each other"),
		finding("frequency", speed, "a changing frequency makes runs differ; virtual machines often do not report it",
			f.Governor != "" && f.Governor != "performance", "cpupower frequency-set -g performance"),
		finding("steal", steal, "time that the host gave to other virtual machines; every program here stands still meanwhile",
			f.Steal != nil && floor.Steal > muchSteal, "use a machine with cores of its own, or repeat the run and compare"),
		finding("clock", f.Clock, "each latency reads it twice; tsc, arch_sys_counter and kvm-clock take nanoseconds, others up to microseconds",
			slices.Contains(slowClocks, f.Clock), "boot with clocksource=tsc, if the processor's is stable"),
	}
	if floor.Echo.N == 0 {
		return list
	}
	return append(
		list,
		finding("busy", busy, "CPU in use while the floor was measured, including the measurement",
			floor.Busy > muchBusy, "end other programs and measure again: the floor below was measured on a busy machine"),
		finding("pacing", quantiles(floor.Pacer), "how late a wait of 1 ms ends, with the timer that runs use for due times",
			floor.Pacer.P99 > latePacer, others),
		finding("time.Sleep", quantiles(floor.Timer), "how late the same wait ends with Go's own timer",
			floor.Timer.P99 > lateTimer, others),
		finding("loopback", fmt.Sprintf("%s, p99.9 %s", quantiles(floor.RoundTrip), metric.FormatDuration(floor.RoundTrip.P999)), "a round trip of 64 bytes over TCP to this machine itself, with both sides asleep before",
			floor.RoundTrip.P99 > longRoundTrip, others),
	)
}

// Sentence says below which latency nothing means anything here; "" without a floor.
func (f Floor) Sentence() string {
	if f.Echo.N == 0 {
		return ""
	}
	return fmt.Sprintf("On this machine as it is now, a round trip to a server that answers at once takes %s at p50, %s at p99 and %s at p99.9: latencies and differences below these measure the machine, not a server.",
		metric.FormatDuration(f.Echo.P50), metric.FormatDuration(f.Echo.P99), metric.FormatDuration(f.Echo.P999))
}

func quantiles(s Spread) string {
	return fmt.Sprintf("p50 %s, p99 %s", metric.FormatDuration(s.P50), metric.FormatDuration(s.P99))
}
