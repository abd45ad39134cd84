package server_test

import (
	"runtime"
	"testing"

	"github.com/throng-io/throng/server"
)

// A client that is silent costs no goroutine: neither the HTTP server's nor one
// of the server's own waits for it. The strategy writers is there to show what
// it costs to have one.
func TestIdleClientsHaveNoGoroutine(t *testing.T) {
	const clients = 200
	for _, strategy := range server.Strategies() {
		t.Run(strategy, func(t *testing.T) {
			srv, err := server.New(server.Options{Fanout: strategy})
			if err != nil {
				t.Fatal(err)
			}
			base := serve(t, srv)
			joinBare(t, base)
			before := runtime.NumGoroutine()
			for range clients {
				joinBare(t, base)
			}
			more := runtime.NumGoroutine() - before
			t.Logf("%d goroutines for %d clients", more, clients)
			// Some that are about to end, and the HTTP server's spare ones.
			if own := strategy == "writers"; more > clients/4 != own {
				t.Errorf("%d goroutines for %d clients", more, clients)
			}
		})
	}
}
