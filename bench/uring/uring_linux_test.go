package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/program"
)

// The test binary is started again as the receiver, as the program is.
func TestMain(m *testing.M) {
	if program.Play("uring", receiver) {
		return
	}
	os.Exit(m.Run())
}

// Every way sends each socket the frame once and in order, also over several submissions. A kernel
// that has no io_uring says so.
func TestEveryWaySendsAll(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const sockets = 21 // in submissions of 8
	var ours, theirs []int
	for range sockets {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs = append(ours, fds[0]), append(theirs, fds[1])
	}
	defer func() {
		for i := range ours {
			_, _ = unix.Close(ours[i]), unix.Close(theirs[i])
		}
	}()
	check := func(name string, round func([]int, []byte) error) {
		for _, frame := range []string{"one", "and two"} {
			if err := round(ours, []byte(frame)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for i, fd := range theirs {
			var b [64]byte
			if n, err := unix.Read(fd, b[:]); err != nil || string(b[:n]) != "oneand two" {
				t.Fatalf("%s: socket %d has got %q, %v", name, i, b[:max(n, 0)], err)
			}
		}
	}
	check("loop", loop)
	for _, w := range ways() {
		r, err := newRing(w, 8, ours)
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
			if !strings.Contains(err.Error(), w.name) || !strings.Contains(err.Error(), "io_uring_disabled") {
				t.Errorf("a kernel that refuses is not explained: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		check(w.name, r.round)
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

// A send that fails is an error with its socket, whichever way it was submitted.
func TestABrokenSocketIsAnError(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fds[0]) }()
	if err := unix.Close(fds[1]); err != nil {
		t.Fatal(err)
	}
	sockets := []int{fds[0], fds[0], fds[0]}
	if err := loop(sockets, []byte("lost")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("loop: %v", err)
	}
	for _, w := range ways() {
		r, err := newRing(w, 4, sockets)
		if err != nil {
			continue // as the other test explains
		}
		if err := r.round(sockets, []byte("lost")); !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECANCELED) {
			t.Errorf("%s: %v", w.name, err)
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCompare(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread is pinned, and ends with the test
	o := &options{turns: 2, each: 2, size: 30, batch: 16}
	var out strings.Builder
	if err := o.compare(context.Background(), 40, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "loop of sendto") || strings.Count(out.String(), "1.000 [1.000..1.000]") < 2 {
		t.Errorf("the table:\n%s", out.String())
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"--batch", "100"}, {"--batch", "0"}, {"--turns", "0"}, {"--sockets", "many"}, {"--bytes", "5000"}, {"more"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
