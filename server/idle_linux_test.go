package server_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// A client that is silent costs no goroutine: neither the HTTP server's nor one of the server's own
// waits for it. The strategy writers is there to show what it costs to have one.
func TestIdleClientsHaveNoGoroutine(t *testing.T) {
	const clients = 200
	for _, strategy := range server.Strategies() {
		t.Run(strategy, func(t *testing.T) {
			srv, err := server.New(server.Options{Fanout: strategy})
			if err != nil {
				t.Fatal(err)
			}
			bases := []string{serve(t, srv), serveTLS(t, srv)}
			for _, base := range bases {
				joinBare(t, base)
			}
			before := runtime.NumGoroutine()
			for i := range clients {
				joinBare(t, bases[i%2])
			}
			more := func() int { return runtime.NumGoroutine() - before }
			if strategy == "writers" {
				if n := more(); n <= clients/4 {
					t.Errorf("%d goroutines for %d clients", n, clients)
				}
				return
			}
			// Some are about to end, and some are the HTTP server's spare ones.
			eventually(t, "there are few goroutines", func() bool { return more() <= clients/4 })
		})
	}
}

// A websocket has one descriptor, whatever is under it, and whatever the HTTP server around the
// handler does with the connections that are taken from it, and none when it is closed.
func TestDescriptorsAreGivenBack(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("keep=%v,tls=%v", keep, secure), func(t *testing.T) {
				srv, err := server.New(server.Options{})
				if err != nil {
					t.Fatal(err)
				}
				left := make(chan struct{}, 64)
				srv.OnDisconnect(func(*server.Socket, string) { left <- struct{}{} })
				base := foreign(t, &fasthttp.Server{KeepHijackedConns: keep}, srv, secure)
				const clients = 30
				all := []*bare{joinBare(t, base)}
				before := descriptors(t)
				for range clients {
					all = append(all, joinBare(t, base))
				}
				if more := descriptors(t) - before; more > 2*clients+5 { // one at each end
					t.Errorf("%d descriptors for %d connections", more, clients)
				}
				for _, b := range all {
					_ = b.Close()
				}
				for range all {
					<-left
				}
				if err := srv.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				eventually(t, "the descriptors are given back", func() bool { return descriptors(t) <= before+5 })
			})
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
