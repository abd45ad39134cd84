package adapter_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server/adapter"
	"github.com/throng-io/throng/server/internal/bus"
)

// TestTrimmedBeforeRead: messages that a stream has dropped before a server came to them are
// counted, exactly, and in the log.
func TestTrimmedBeforeRead(t *testing.T) {
	socket, _ := redis(t)
	log := &lines{}
	n := start(t, "unix+streams://"+socket, 1, adapter.Options{Stream: "s", Logger: slog.New(slog.NewTextHandler(log, nil))})[0]
	c := connect(t, n)
	o, err := rueidis.ParseURL("unix://" + socket)
	check(t, err)
	o.DisableCache = true
	redis, err := rueidis.NewClient(o)
	check(t, err)
	defer redis.Close()
	added, missed, before := uint64(0), uint64(0), n.cluster.Stats().Received
	// A script is carried out as a whole: the reader sees what is left in the end.
	add := func(entries, kept uint64) {
		const script = "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[2], '*', 'a', 'b') end return 1"
		check(t, redis.Do(t.Context(), redis.B().Arbitrary("EVAL", script, "1").Keys("s").Args(fmt.Sprint(entries), fmt.Sprint(kept)).Build()).Error())
		added += entries
	}
	wait(t, "the first look", func() bool {
		stats, err := redis.Do(t.Context(), redis.B().Arbitrary("INFO", "commandstats").Build()).ToString()
		return err == nil && strings.Contains(stats, "cmdstat_xinfo")
	})
	for _, step := range [][2]uint64{{20, 100}, {1000, 10}, {50, 5}} {
		wait(t, "the reader to be at the end", func() bool { return n.cluster.Stats().Received-before == added-missed })
		add(step[0], step[1])
		if step[0] > step[1] {
			missed += step[0] - step[1]
		}
		wait(t, "the count", func() bool {
			add(1, 100) // it looks when something comes
			return n.cluster.Stats().Missed >= missed
		})
		if s := n.cluster.Stats(); s.Missed != missed {
			t.Fatalf("%d messages were missed, want %d", s.Missed, missed)
		}
	}
	if log.count("dropped messages that this server had not read yet") == 0 {
		t.Errorf("the log says %s", log)
	}
	check(t, n.Emit("on"))
	c.expect(`42["on"]`)
}

// TestStreamMadeAnew: a stream that ends before what was read of it is read on: its Redis was
// started without its data and has a clock that is behind, or a replica has taken over.
func TestStreamMadeAnew(t *testing.T) {
	t.Parallel()
	socket, _ := redis(t)
	log := &lines{}
	n := start(t, "unix+streams://"+socket, 2, adapter.Options{Stream: "s", Logger: slog.New(slog.NewTextHandler(log, nil))})
	c := connect(t, n[1])
	o, err := rueidis.ParseURL("unix://" + socket)
	check(t, err)
	o.DisableCache = true
	redis, err := rueidis.NewClient(o)
	check(t, err)
	defer redis.Close()
	do := func(words ...string) {
		t.Helper()
		check(t, redis.Do(t.Context(), redis.B().Arbitrary(words...).Build()).Error())
	}
	do("XADD", "s", "99999999999999-0", "a", "b") // in the year 5138
	wait(t, "the entry", func() bool { return n[0].cluster.Stats().Received > 0 && n[1].cluster.Stats().Received > 0 })
	do("EVAL", "redis.call('DEL', 's') redis.call('XADD', 's', '*', 'a', 'b') return 1", "0")
	wait(t, "the readers to see it", func() bool { return log.count("a stream was made anew") == 2 })
	check(t, n[0].Emit("on"))
	c.expect(`42["on"]`)
}

// TestTrimmedOnJetStream: the same on JetStream, whose messages have numbers in a row.
func TestTrimmedOnJetStream(t *testing.T) {
	s := natsWith(t, natsserver.Options{Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir()})
	at, err := bus.Parse("nats+jetstream://" + s.Addr().String())
	check(t, err)
	log := &lines{}
	b, err := bus.OpenNATS(at, bus.Options{MaxQueue: 64 << 20, Logger: slog.New(slog.NewTextHandler(log, nil))})
	check(t, err)
	defer func() { _ = b.Close() }()
	first, goOn, read := make(chan struct{}), make(chan struct{}), 0
	release := sync.OnceFunc(func() { close(goOn) })
	defer release()
	l := b.OpenLog(bus.LogOptions{Name: "x", Replicas: 1, Age: time.Hour, Count: 100, Bytes: 64 << 20}, func(uint64, uint64) {}, func(bus.Record) {
		if read++; read == 1 {
			close(first)
			<-goOn
		}
	})
	check(t, l.Ready(t.Context()))
	sent := uint64(0)
	publish := func(count int) {
		t.Helper()
		done := make(chan error, count)
		for range count {
			item := bus.LogItem("x", "/", []byte("text"))
			item.Done = func(_ string, err error) { done <- err }
			if !b.Publish(item) {
				t.Fatal("the queue is full")
			}
		}
		for range count {
			check(t, <-done)
		}
		sent += uint64(count)
	}
	publish(1)
	<-first
	publish(3000) // more than the reader asks for at once, and the stream keeps
	release()
	wait(t, "the last message", func() bool { return b.Stats().Received+b.Stats().Missed == sent })
	if missed := b.Stats().Missed; missed == 0 || log.count("dropped messages that this server had not read yet") == 0 {
		t.Errorf("%d messages were missed; the log says %s", missed, log)
	}
}
