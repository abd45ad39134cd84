package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/throng-io/throng/protocol/hostname"
)

// listenAside listens on an address that a flag gives. A port without host is taken on the loopback
// interface.
func listenAside(flag, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s %q is not an address (%s); use HOST:PORT, or :PORT for the loopback interface", flag, address, whatOf(err))
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w; choose another address", flag, address, err)
	}
	return ln, nil
}

// exposed reports whether other machines can reach a listener.
func exposed(l net.Listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && !a.IP.IsLoopback()
}

// httpServer answers with h. It closes connections that ask nothing for a minute: a browser keeps
// some open for as long as a page is shown. An answer, such as a profile, may take any time.
func httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
}

// aside serves an operators' endpoint on its own address until ctx ends, and returns a function
// that waits for its end. An empty address does nothing. A port without host listens on the
// loopback interface and accepts only the host localhost and the names in hosts. flag, what and
// path appear in messages.
func aside(ctx context.Context, flag, what, path, address string, hosts []string, h http.Handler, stderr io.Writer) (wait func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	ln, err := listenAside(flag, address)
	if err != nil {
		return nil, err
	}
	srv := httpServer(hostname.Guard(h, hosts))
	_, _ = fmt.Fprintf(stderr, "%s on http://%s%s\n", what, ln.Addr(), path)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			_, _ = fmt.Fprintf(stderr, "throng: %s %s: %v\n", flag, address, err)
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	return func() {
		stop()
		_ = srv.Close()
		<-done
	}, nil
}

// offerMetrics is aside for the metrics of the handler that show makes: their measuring costs.
func offerMetrics(ctx context.Context, show func() http.Handler, address string, hosts []string, stderr io.Writer) (wait func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", show())
	return aside(ctx, "--metrics", "metrics", "/metrics", address, hosts, mux, stderr)
}

// whatOf says in plain words what is wrong with an address that net.SplitHostPort refuses.
func whatOf(err error) string {
	bad, ok := errors.AsType[*net.AddrError](err)
	switch {
	case !ok:
		return err.Error()
	case bad.Err == "missing port in address":
		return "no :PORT in it"
	}
	return bad.Err
}
