//go:build unix

package peer_test

import (
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/peer"
	"github.com/throng-io/throng/server/signalling"
)

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill is how much may wait in a channel before a benchmark waits, as in the example
// data-channels-flow-control of pion.
const fill = 1 << 20

// BenchmarkChannel sends messages one way through one channel, as fast as it takes them: ours, and
// bare pion by the form of its example data-channels-flow-control, with the channel of the example
// (unordered, without retransmits: it may lose messages) and with an ordered one like ours. Both
// ends are in this process: msg/cpu-s counts messages a second of processor time at both ends.
//
//	go test -run - -bench Channel -benchtime 300000x ./scenario/peer
func BenchmarkChannel(b *testing.B) {
	for _, size := range []int{64, 1024} {
		b.Run(fmt.Sprintf("size=%d/stack=throng", size), func(b *testing.B) { benchMesh(b, size) })
		b.Run(fmt.Sprintf("size=%d/stack=pion-ordered", size), func(b *testing.B) { benchPion(b, size, nil) })
		b.Run(fmt.Sprintf("size=%d/stack=pion-example", size), func(b *testing.B) {
			no, none := false, uint16(0)
			benchPion(b, size, &webrtc.DataChannelInit{Ordered: &no, MaxRetransmits: &none})
		})
	}
}

// measure sends b.N messages and waits until they have come, or nothing has for a while.
func measure(b *testing.B, size int, came *atomic.Int64, send func()) {
	b.Helper()
	b.SetBytes(int64(size))
	before := cpu(b)
	for b.Loop() {
		send()
	}
	for last, still := int64(-1), 0; came.Load() < int64(b.N) && still < 200; time.Sleep(5 * time.Millisecond) {
		if now := came.Load(); now == last {
			still++
		} else {
			last, still = now, 0
		}
	}
	b.ReportMetric(float64(came.Load())/(cpu(b)-before).Seconds(), "msg/cpu-s")
	b.ReportMetric(float64(came.Load())/float64(b.N), "delivered")
}

func benchMesh(b *testing.B, size int) {
	b.Helper()
	var came atomic.Int64
	url := serve(b, signalling.Options{}, socketio.JSON)
	to := enter(b, url, peer.Config{Message: func(peer.Message) { came.Add(1) }})
	from := enter(b, url, peer.Config{MaxQueue: fill})
	from.sees(to.id, peer.Open)
	to.sees(from.id, peer.Open)
	data := make([]byte, size)
	measure(b, size, &came, func() {
		for {
			_, err := from.Send(to.id, data, true)
			if err == nil {
				return
			}
			time.Sleep(time.Millisecond) // the queue is full
		}
	})
}

// pair connects two connections of bare pion.
func pair(b *testing.B) (a, z *webrtc.PeerConnection) {
	b.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s))
	made := make([]*webrtc.PeerConnection, 2)
	for i := range made {
		pc, err := api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			b.Fatal(err)
		}
		made[i] = pc
		b.Cleanup(func() { _ = pc.GracefulClose() })
	}
	return made[0], made[1]
}

// connect exchanges the descriptions, with all candidates.
func connect(b *testing.B, a, z *webrtc.PeerConnection) {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	offer, err := a.CreateOffer(nil)
	check(err)
	gathered := webrtc.GatheringCompletePromise(a)
	check(a.SetLocalDescription(offer))
	<-gathered
	check(z.SetRemoteDescription(*a.LocalDescription()))
	answer, err := z.CreateAnswer(nil)
	check(err)
	gathered = webrtc.GatheringCompletePromise(z)
	check(z.SetLocalDescription(answer))
	<-gathered
	check(a.SetRemoteDescription(*z.LocalDescription()))
}

func benchPion(b *testing.B, size int, init *webrtc.DataChannelInit) {
	b.Helper()
	a, z := pair(b)
	var came atomic.Int64
	opened, more := make(chan struct{}), make(chan struct{}, 1)
	z.OnDataChannel(func(d *webrtc.DataChannel) { d.OnMessage(func(webrtc.DataChannelMessage) { came.Add(1) }) })
	d, err := a.CreateDataChannel("data", init)
	if err != nil {
		b.Fatal(err)
	}
	d.OnOpen(func() { close(opened) })
	d.SetBufferedAmountLowThreshold(fill / 2)
	d.OnBufferedAmountLow(func() {
		select {
		case more <- struct{}{}:
		default:
		}
	})
	connect(b, a, z)
	<-opened
	data := make([]byte, size)
	measure(b, size, &came, func() {
		if err := d.Send(data); err != nil {
			b.Fatal(err)
		}
		if d.BufferedAmount() > fill {
			<-more
		}
	})
}

// BenchmarkIdle tells what connections take that carry nothing: memory and goroutines of one end,
// and its share of a core. Clients and signalling are in the same process, but take little of it.
//
//	go test -run - -bench Idle -benchtime 1x ./scenario/peer
func BenchmarkIdle(b *testing.B) {
	const peers = 16
	for b.Loop() {
		url := serve(b, signalling.Options{Peers: peers}, socketio.JSON)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		var all []*member
		for range peers {
			m := enter(b, url, peer.Config{Timeout: time.Minute})
			if err := m.settles(); err != nil {
				b.Fatal(err)
			}
			all = append(all, m)
		}
		for _, m := range all {
			for _, o := range all {
				if o != m {
					m.sees(o.id, peer.Open)
				}
			}
		}
		const ends = peers * (peers - 1)
		time.Sleep(2 * time.Second)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/1024/ends, "KiB/end")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/ends, "goroutines/end")
		used, began := cpu(b), time.Now()
		time.Sleep(10 * time.Second)
		b.ReportMetric(float64((cpu(b)-used).Microseconds())/time.Since(began).Seconds()/ends, "µs-cpu/s/end")
		for _, m := range all {
			m.leave()
		}
	}
}
