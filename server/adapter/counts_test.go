package adapter_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/throng-io/throng/server/internal/bus"
)

// Commands about what is kept under keys are no messages: they do not count as published. Those
// that the broker refuses count as failed, as nothing else would show them.
func TestCommandsAreNotMessages(t *testing.T) {
	ctx := t.Context()
	socket, _ := redis(t)
	address, err := bus.Parse("unix+streams://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	r, err := bus.OpenRedis(address, bus.Options{MaxQueue: 1 << 20, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	const keys = 10
	for i := range keys {
		r.Keep(fmt.Sprint("key", i), "text", time.Minute, false)
	}
	for i := range keys { // they go one after the other: what was kept before is there
		if text, err := r.Take(ctx, fmt.Sprint("key", i)); text != "text" || err != nil {
			t.Fatalf("key %d holds %q, %v", i, text, err)
		}
	}
	if s := r.Stats(); s.Published+s.PublishedBytes+s.Dropped+s.Failed != 0 {
		t.Errorf("after commands alone the counters are %+v", s)
	}
	sent := make(chan error, 1)
	publish := func() {
		r.Publish(bus.Item{Channel: "stream", Fields: append(bus.Keep(10), "a", "b"), Done: func(_ string, err error) { sent <- err }})
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	publish()
	if _, err := r.Take(ctx, "stream"); err == nil { // GETDEL of a stream
		t.Error("a stream is taken for a text")
	}
	if s := r.Stats(); s.Published != 1 || s.Failed != 1 {
		t.Errorf("after one message and one refused command the counters are %+v", s)
	}
	// A message that is taken does not make commands work that are refused.
	wait(t, "the notice", func() bool { return !r.Stats().Connected })
	for range 3 {
		publish()
	}
	if r.Stats().Connected || log.count("the broker fails") != 1 || log.count("works again") != 0 {
		t.Errorf("connected %v; the log says %s", r.Stats().Connected, log)
	}
	if text, err := r.Take(ctx, "nothing"); text != "" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	wait(t, "health", func() bool { return r.Stats().Connected })
	if log.count("works again") != 1 {
		t.Errorf("the log says %s", log)
	}
}
