package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// serve runs a server on $PORT until ctx ends. With --plant it takes that share more CPU time.
func serve(ctx context.Context, args []string, _ io.Reader, _ io.Writer) error {
	f := flag.NewFlagSet("pairs serve", flag.ContinueOnError)
	plant := f.Float64("plant", 0, "the share of its CPU time that is burned beside its broadcasts")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	srv, err := app.New("bench", server.Options{})
	if err != nil {
		return err
	}
	b := &burner{share: *plant} // in both builds, so that they differ in nothing but the share
	srv.OnAny(func(_ *server.Socket, e *server.Event) error {
		if e.Name() == "all" {
			b.burn()
		}
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return fmt.Errorf("listen on $PORT: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(grace), <-ended)
}

// burner burns a share of what the process uses otherwise.
type burner struct {
	share  float64
	mu     sync.Mutex
	from   time.Duration // CPU time of the process at the first broadcast; 0 before
	burned time.Duration
}

// burn makes up for the CPU time that the process has used since the last call.
func (b *burner) burn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	if b.from == 0 {
		b.from = used
		return
	}
	owed := time.Duration(b.share*float64(used-b.from-b.burned)) - b.burned
	if owed <= 0 {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := clock(unix.CLOCK_THREAD_CPUTIME_ID)
	for {
		if took := clock(unix.CLOCK_THREAD_CPUTIME_ID) - began; took >= owed {
			b.burned += took
			return
		}
	}
}

// clock reads a clock of CPU time.
func clock(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic(fmt.Sprintf("clock %d: %v", id, err)) // every Linux has both
	}
	return time.Duration(ts.Nano())
}
