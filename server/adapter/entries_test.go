package adapter_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// TestEntriesAtOnce: entries that have waited together are added together. They arrive in order and
// once, those that Redis has no memory for when it has, and those that it refuses count as failed.
func TestEntriesAtOnce(t *testing.T) {
	socket, broker := redis(t)
	n := start(t, "unix+streams://"+socket, 2, adapter.Options{Stream: "s"})
	a, b := connect(t, n[0]), connect(t, n[1])
	o, err := rueidis.ParseURL("unix://" + socket)
	check(t, err)
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	check(t, err)
	defer c.Close()
	ask := func(words ...string) {
		t.Helper()
		check(t, c.Do(context.Background(), c.B().Arbitrary(words...).Build()).Error())
	}
	sent := 0
	emit := func(count int) {
		t.Helper()
		for range count {
			sent++
			check(t, n[0].Emit("e", sent))
			a.expect(fmt.Sprintf(`42["e",%d]`, sent))
		}
	}
	expect := func(from int) {
		t.Helper()
		for i := from + 1; i <= sent; i++ {
			b.expect(fmt.Sprintf(`42["e",%d]`, i))
		}
	}
	wait := func(what string, f func(s server.ClusterStats) bool) {
		t.Helper()
		wait(t, what, func() bool { return f(n[0].cluster.Stats()) })
	}

	check(t, broker.Signal(syscall.SIGSTOP))
	emit(30)
	check(t, broker.Signal(syscall.SIGCONT))
	expect(0)

	ask("CONFIG", "SET", "maxmemory", "1")
	emit(10)
	wait("a refusal", func(s server.ClusterStats) bool { return !s.Connected })
	ask("CONFIG", "SET", "maxmemory", "0")
	expect(30)
	wait("the end of the refusals", func(s server.ClusterStats) bool { return s.Queued == 0 && s.Failed == 0 })

	ask("RENAME", "s", "kept")
	ask("SET", "s", "no stream")
	check(t, broker.Signal(syscall.SIGSTOP))
	emit(10)
	check(t, broker.Signal(syscall.SIGCONT))
	wait("the failures", func(s server.ClusterStats) bool { return s.Failed == 10 && s.Queued == 0 })
	ask("DEL", "s")
	ask("RENAME", "kept", "s")
	emit(5)
	expect(50)
}
