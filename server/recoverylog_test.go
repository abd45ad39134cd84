package server

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// A client that comes and goes all the time leaves nothing behind in the memory of recovery, and
// takes no room of another one that is still away.
func TestRecoveryForgetsThoseThatCameBack(t *testing.T) {
	srv, err := New(Options{Recovery: &Recovery{MaxBytes: 1000, MaxSockets: 10}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	l := srv.local.log
	away := &savedSocket{sid: "away", pid: "p0", rooms: []string{"r"}}
	l.save(away)
	for range 100 {
		l.save(&savedSocket{sid: "flaps", pid: "p1", rooms: []string{strings.Repeat("r", 100)}})
		if l.restore("p1", "") == nil {
			t.Fatal("the client that comes and goes is not known")
		}
	}
	if len(l.gone) != 1 || l.order.Len() != 1 || l.rooms != away.size() {
		t.Errorf("%d sockets in the table, %d in the order, %d bytes of rooms; one is away, of %d bytes", len(l.gone), l.order.Len(), l.rooms, away.size())
	}
	if l.restore("p0", "") == nil {
		t.Error("the client that was away all the while is not known any more")
	}
	if len(l.gone) != 0 || l.order.Len() != 0 || l.rooms != 0 {
		t.Errorf("%d sockets, %d in the order and %d bytes are left", len(l.gone), l.order.Len(), l.rooms)
	}
}

// The names of an audience count for the memory of recovery: an event may be for thousands of
// rooms.
func TestRecoveryCountsAudiences(t *testing.T) {
	srv, err := New(Options{Recovery: &Recovery{MaxBytes: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	to := srv.Everyone()
	for i := range 1000 {
		to = to.To(fmt.Sprintf("%0100d", i))
	}
	for range 100 {
		if err := to.Emit("news"); err != nil {
			t.Fatal(err)
		}
	}
	l := srv.local.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.entries); n == 0 || n > 10 {
		t.Errorf("%d events for 1000 rooms with names of 100 bytes are kept in a megabyte", n)
	}
}
