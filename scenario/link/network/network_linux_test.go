//go:build network

// Needs root, or a user namespace that may open /dev/net/tun: make test-network.

package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const wait = 30 * time.Second

// echoing is a network of some clients with a target that sends everything back, by TCP and by UDP.
func echoing(t *testing.T, clients int, c Condition) (*Network, string) {
	t.Helper()
	n, err := Start(Config{Clients: clients, Seed: 1, First: []Condition{c}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := n.Listen(0, 80)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := n.ListenPacket(0, 80)
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(over, func() { c.Close() })
			wg.Go(func() {
				_, _ = io.Copy(c, c)
				stop()
				c.Close()
			})
		}
	})
	wg.Go(func() {
		b := make([]byte, mtu)
		for {
			m, from, err := udp.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = udp.WriteToUDPAddrPort(b[:m], from)
		}
	})
	t.Cleanup(func() {
		end()
		ln.Close()
		udp.Close()
		n.Close()
		wg.Wait()
	})
	return n, TargetAddr(0).String() + ":80"
}

func dialed(t *testing.T, n *Network, client int, to string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	c, err := n.Dial(ctx, client, &net.Dialer{}, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * wait))
	return c
}

func trip(t *testing.T, c net.Conn, size int) time.Duration {
	t.Helper()
	out := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
	began := time.Now()
	go func() { _, _ = c.Write(out) }()
	in := make([]byte, size)
	if _, err := io.ReadFull(c, in); err != nil || !bytes.Equal(in, out) {
		t.Fatalf("after %d bytes: %v", size, err)
	}
	return time.Since(began)
}

// TCP repairs what is lost: every byte comes, and the packets that the kernels sent were lost at
// the rate that was asked for.
func TestLossUnderTCP(t *testing.T) {
	const p = 0.03
	w := Way{Delay: 2 * time.Millisecond, Loss: p}
	n, to := echoing(t, 4, Condition{w, w})
	var all sync.WaitGroup
	for i := range 4 {
		c := dialed(t, n, i, to)
		all.Go(func() { trip(t, c, 2<<20) })
	}
	all.Wait()
	sum := n.Totals()
	for _, x := range []Counts{sum.Up[0], sum.Down[0]} {
		mean, bound := p*float64(x.Packets), 5*math.Sqrt(float64(x.Packets)*p*(1-p))
		if x.Packets < 2000 || math.Abs(float64(x.Lost)-mean) > bound || x.Full+x.Outage+x.Stale+x.Overflow > 0 {
			t.Errorf("%d packets, %d lost (want %.0f within %.0f), %+v", x.Packets, x.Lost, mean, bound, x)
		}
	}
	if sum.CPU <= 0 {
		t.Error("it took no CPU")
	}
}

// A delay is of each direction, and the prober sees no packet that was faster.
func TestDelayIsKept(t *testing.T) {
	w := Way{Delay: 40 * time.Millisecond, Jitter: 5 * time.Millisecond}
	n, to := echoing(t, 1, Condition{w, w})
	c := dialed(t, n, 0, to)
	for range 20 {
		if took := trip(t, c, 10); took < 70*time.Millisecond {
			t.Errorf("a round trip of %v, want at least 70 ms", took)
		}
	}
	for begin := time.Now(); n.Totals().Up == nil || n.Totals().Up[0].Delay.TotalCount() < 50; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > wait {
			t.Fatal("the prober's packets do not come")
		}
	}
	for _, x := range [][]Counts{n.Totals().Up, n.Totals().Down} {
		if low := x[0].Delay.Min(); low < 34_000 { // the histogram rounds
			t.Errorf("a packet took %d us, want at least 35 ms", low)
		}
		t.Logf("delay %d us (p50), added %d us (p50), %d us (p99)", x[0].Delay.ValueAtQuantile(50), x[0].Added.ValueAtQuantile(50), x[0].Added.ValueAtQuantile(99))
	}
	n.Set(1, make([]Condition, 1))
	for begin := time.Now(); trip(t, c, 10) > 60*time.Millisecond; {
		if time.Since(begin) > wait {
			t.Fatal("the delay is not taken back")
		}
	}
	if sum := n.Totals(); len(sum.Up) != 2 || sum.Up[1].Packets == 0 {
		t.Errorf("the second phase has no packets: %+v", sum.Up)
	}
}

// A line takes as long as its rate says, and another client's is another one.
func TestRateIsOfEachClient(t *testing.T) {
	const rate, size = 200_000, 100_000
	n, to := echoing(t, 2, Condition{Up: Way{Rate: rate}})
	var all sync.WaitGroup
	began := time.Now()
	for i := range 2 {
		c := dialed(t, n, i, to)
		all.Go(func() { trip(t, c, size) })
	}
	all.Wait()
	if took := time.Since(began); took < size*time.Second/rate-10*time.Millisecond {
		t.Errorf("%d bytes took %v", size, took)
	}
	c := n.Totals().Up[0]
	if kept := float64(c.QueuedBytes) / c.QueuedTime.Seconds(); c.QueuedBytes < size || kept > 1.1*rate {
		t.Errorf("%d bytes waited, and the lines kept %.0f B/s, want at most %d", c.QueuedBytes, kept, rate)
	} else {
		t.Logf("the lines kept %.0f B/s, want %d", kept, rate)
	}
}

// An outage is silence, and what was sent meanwhile comes after it.
func TestOutage(t *testing.T) {
	n, to := echoing(t, 2, Condition{})
	c, other := dialed(t, n, 0, to), dialed(t, n, 1, to)
	trip(t, c, 10)
	n.Outage(0, 500*time.Millisecond)
	began := time.Now()
	trip(t, other, 10)
	trip(t, c, 10)
	if took := time.Since(began); took < 450*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if sum := n.Totals(); sum.Up[0].Outage == 0 || sum.Up[0].Outages != 1 || sum.Down[0].Outages != 1 {
		t.Errorf("%+v, want one outage, and packets dropped in it", sum.Up[0])
	}
}

// After a change of its address the connections of a client by TCP are reset when it sends, its UDP
// goes on from another address, and what it opens then works.
func TestMove(t *testing.T) {
	n, to := echoing(t, 1, Condition{})
	tcp := dialed(t, n, 0, to)
	udp, err := n.Packet(0)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	_ = udp.SetDeadline(time.Now().Add(wait))
	at, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() {
		if _, err := udp.WriteTo([]byte("hello"), at); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if m, _, err := udp.ReadFrom(b); err != nil || string(b[:m]) != "hello" {
			t.Fatalf("%q, %v", b[:m], err)
		}
	}
	trip(t, tcp, 10)
	ask()
	n.Move(0)
	ask()
	if _, err := tcp.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := tcp.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ends with %v, want a reset", err)
	}
	trip(t, dialed(t, n, 0, to), 1<<20)
}

// A connection to nobody fails at once, and one into an outage when its context ends.
func TestDialFails(t *testing.T) {
	n, to := echoing(t, 1, Condition{})
	if _, err := n.Dial(t.Context(), 0, &net.Dialer{}, strings.Replace(to, ":80", ":81", 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v", err)
	}
	n.Outage(0, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := n.Dial(ctx, 0, &net.Dialer{}, to); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// Many connections at once need no thread each.
func TestManyDials(t *testing.T) {
	const many = 500
	n, to := echoing(t, many, Condition{Up: Way{Delay: 50 * time.Millisecond}})
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			c, err := n.Dial(ctx, i, &net.Dialer{}, to)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	all.Wait()
}

// namespaces lists the network namespaces that threads of processes are in.
func namespaces(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("lsns", "--type", "net", "--noheadings", "--raw", "--output", "NS").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for ns := range strings.FieldsSeq(string(out)) {
		all[ns] = true
	}
	return all
}

// TestHelperProcess is not a test: it is the process that is killed.
func TestHelperProcess(t *testing.T) {
	if os.Getenv("NETWORK_HELPER") == "" {
		return
	}
	n, to := echoing(t, 1, Condition{})
	trip(t, dialed(t, n, 0, to), 10)
	for _, s := range []*space{n.clients, n.service} {
		_ = s.do(func() error {
			name, err := os.Readlink("/proc/thread-self/ns/net")
			os.Stdout.WriteString("in " + name + "\n")
			return err
		})
	}
	select {}
}

// A process that is killed leaves nothing: the kernel has removed its namespaces, and with them its
// devices.
func TestKilled(t *testing.T) {
	before := namespaces(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestHelperProcess$")
	cmd.Env = append(os.Environ(), "NETWORK_HELPER=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	b := make([]byte, 1000)
	for strings.Count(said.String(), "\n") < 2 {
		m, err := stdout.Read(b)
		said.Write(b[:m])
		if err != nil {
			t.Fatalf("it says %q, %v", &said, err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		left := namespaces(t)
		var ours []string
		for line := range strings.FieldsSeq(strings.ReplaceAll(said.String(), "in ", "")) {
			ns := strings.Trim(line, "net:[]")
			if before[ns] {
				t.Fatalf("the namespace %s is not its own", ns)
			}
			if left[ns] {
				ours = append(ours, ns)
			}
		}
		if len(ours) == 0 {
			return
		}
		if time.Since(begin) > wait {
			t.Fatalf("these namespaces are left: %v", ours)
		}
	}
}
