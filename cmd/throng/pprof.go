package main

import (
	"context"
	"io"
	"net/http"
	"net/http/pprof"
)

// profiles serves net/http/pprof on an address of its own until ctx ends, and returns a function
// that waits for its end. An empty address does nothing. A port without host listens on the
// loopback interface, because profiles reveal everything about a process, including its command
// line.
func profiles(ctx context.Context, address string, hosts []string, stderr io.Writer) (wait func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return aside(ctx, "--pprof", "profiles", "/debug/pprof/", address, hosts, mux, stderr)
}
