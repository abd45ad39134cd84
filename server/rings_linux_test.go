package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/server"
)

// rings counts the io_uring instances of this process.
func rings(t *testing.T) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(name, "io_uring") {
			n++
		}
	}
	return n
}

// toTwenty sends two messages to twenty clients, which must get them.
func toTwenty(t *testing.T, srv *server.Server) {
	t.Helper()
	base := serve(t, srv)
	clients := make([]*bare, 20)
	for i := range clients {
		clients[i] = joinBare(t, base)
	}
	for i := range 2 {
		if err := srv.Emit("x", i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		for _, c := range clients {
			c.expect(0x81, fmt.Sprintf(`42["x",%d]`, i))
		}
	}
}

// Rings come with the first client, unless the options or the strategy are against it, and go with
// the server.
func TestRingsEndWithTheServer(t *testing.T) {
	for _, tt := range []struct {
		opts server.Options
		want bool
	}{{server.Options{}, true}, {server.Options{Fanout: "sharded"}, true}, {server.Options{NoIOUring: true}, false}, {server.Options{Fanout: "serial"}, false}} {
		before := rings(t)
		t.Run(fmt.Sprintf("%q,%v", tt.opts.Fanout, tt.opts.NoIOUring), func(t *testing.T) {
			srv, err := server.New(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			toTwenty(t, srv)
			if n := rings(t) - before; n > 0 != tt.want || n > runtime.GOMAXPROCS(0) {
				t.Errorf("%d rings, want some: %v; if there are none, allow io_uring: sysctl kernel.io_uring_disabled=0, and no filter of a container", n, tt.want)
			}
		})
		if n := rings(t); n != before {
			t.Errorf("%d rings are left", n-before)
		}
	}
}

// deniedCall is the variable of the environment by which a test is started again with a kernel that
// refuses a system call.
const deniedCall = "THRONG_TEST_DENIED_CALL"

// A kernel that refuses io_uring is a line in the log, and everybody gets everything.
func TestKernelRefusesRings(t *testing.T) {
	calls := map[string]struct {
		number uintptr
		errno  unix.Errno
		reason string
	}{
		"none of it":               {unix.SYS_IO_URING_SETUP, unix.ENOSYS, "io_uring_setup: function not implemented"},
		"kernel.io_uring_disabled": {unix.SYS_IO_URING_SETUP, unix.EPERM, "io_uring_setup: operation not permitted"},
		"only its use":             {unix.SYS_IO_URING_ENTER, unix.EPERM, "io_uring_enter: operation not permitted"},
	}
	if call, again := calls[os.Getenv(deniedCall)]; again {
		deny(t, call.number, call.errno)
		var log lines
		srv, err := server.New(server.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Run("server", func(t *testing.T) { toTwenty(t, srv) })
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "io_uring is not available") || !strings.Contains(got, call.reason) || rings(t) > 0 {
			t.Errorf("the log has\n%s\nwant one line with %q; %d rings", got, call.reason, rings(t))
		}
		return
	}
	for name := range calls {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKernelRefusesRings$", "-test.v")
			cmd.Env = append(os.Environ(), deniedCall+"="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("--- PASS: TestKernelRefusesRings/server")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// lines is what a logger has written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// deny lets a system call fail in this process from now on, as the filters of containers do
// (seccomp(2)).
func deny(t *testing.T, call uintptr, errno unix.Errno) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // its number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		t.Fatalf("this kernel has no filters of system calls, which this test needs: %v", failed)
	}
}
