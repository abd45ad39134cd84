package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noMoreFiles keeps this process from opening files until restore is called.
func noMoreFiles(t *testing.T) (restore func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	set := func(to uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: to, Max: limit.Max}); err != nil {
			t.Error(err)
		}
	}
	set(3) // the standard ones, which are open
	return func() { set(limit.Cur) }
}

// An operator learns that there is no epoll: once, since it will not come.
func TestEpollThatIsRefusedIsTold(t *testing.T) {
	var told []error
	e := New(Config{Trouble: func(_ string, err error) { told = append(told, err) }})
	restore := noMoreFiles(t)
	first := e.poller.get(e)
	restore()
	if first != nil || e.poller.get(e) != nil {
		t.Fatal("there is a poller")
	}
	if len(told) != 1 || !errors.Is(told[0], unix.EMFILE) {
		t.Errorf("told %v", told)
	}
	e.poller.close()
	e.notWatched(fmt.Errorf("wrapped: %w", net.ErrClosed)) // ordinary ends
	e.notWatched(os.ErrClosed)
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

// An operator learns of connections that are lost for want of descriptors, and of the remedy.
func TestConnectionThatCannotBeWatchedIsTold(t *testing.T) {
	told := make(chan string, 10)
	restore := func() {}
	x := servePolls(t, func(cfg *Config) {
		cfg.Trouble = func(message string, err error) {
			restore()
			told <- fmt.Sprint(message, ": ", err)
		}
	})
	x.dial("").settle(x)
	other := x.dial("X: y\r\n")
	x.after = func() { restore = noMoreFiles(t) } // before the connection moves
	other.write(other.request("GET", sid, ""))
	select {
	case got := <-told:
		if !strings.Contains(got, "allow more open files") || !strings.Contains(got, "too many open files") {
			t.Errorf("told %q", got)
		}
	case <-time.After(time.Minute):
		restore()
		t.Fatal("nobody is told")
	}
	if reason := <-x.closed; reason != "transport error" {
		t.Errorf("the session ended by %q", reason)
	}
}
