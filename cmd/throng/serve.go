package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
	"github.com/throng-io/throng/server/metrics"
)

// shutdownTime is how long clients get to take what is queued for them.
const shutdownTime = 2 * time.Second

const serveHelp = `Run the built-in Socket.IO server with one of its applications:

  bench     the benchmark contract: join, leave, echo, room, all
  protocol  a playground for protocol tests
  engine    bare Engine.IO: each message is echoed (path /engine.io/)
  chat      a chat room with its web page at /; clients that lost their connection
            come back for two minutes, or as long as --recovery says

It prints one line with its address when it accepts connections, and stops on
Ctrl-C or SIGTERM after its clients have been told.`

func serveCommand() *cobra.Command {
	var (
		opts        server.Options
		listen      string
		application string
		origins     []string
		credentials bool
		parent      bool
		recovery    time.Duration
		client      string
		observed    observing
	)
	shown := adminFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the built-in Socket.IO server",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if len(origins) > 0 {
				opts.CORS = &server.CORS{Origins: origins, Credentials: credentials}
			}
			if recovery > 0 {
				opts.Recovery = &server.Recovery{MaxDisconnection: recovery}
			}
			if client == "" && application == "chat" {
				client = installedClient()
			}
			if client != "" {
				opts.Client = os.DirFS(client)
			}
			srv, err := app.New(application, opts)
			if err = errors.Join(err, shown.install(srv, application, listen, origins)); err != nil {
				return err
			}
			stdin, profiles, err := observed.take(cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, profiles()) }()
			ctx := cmd.Context()
			if parent {
				var cancel context.CancelFunc
				ctx, cancel = untilEnd(ctx, stdin)
				defer cancel()
			}
			offered, err := observed.offer(ctx, srv, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer offered()
			return serve(ctx, srv, listen, cmd.OutOrStdout(), pageNote(application, client))
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "localhost:3000", "address to listen on; port 0 takes a free one")
	f.StringVar(&application, "app", "bench", "application: "+strings.Join(app.Names(), ", "))
	engineFlags(f, &opts)
	f.StringSliceVar(&origins, "cors-origin", nil, `origins whose pages may connect; "*" for all`)
	f.BoolVar(&credentials, "cors-credentials", false, "allow such pages to send cookies")
	f.IntVar(&opts.QueueBytes, "queue-bytes", 4<<20, "how much may wait for one slow client before it is disconnected")
	f.Var(milliseconds(&recovery, 0), "recovery", "for how long clients may come back as the same socket (default never)")
	f.StringVar(&client, "client-dir", "", "folder of the browser client to serve (dist of the npm package socket.io-client)")
	shown.register(f)
	observed.register(cmd)
	f.BoolVar(&parent, "until-stdin-ends", false, "stop when standard input ends, as it does when the parent process is gone")
	return cmd
}

// untilEnd returns a context that ends with r.
func untilEnd(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx, cancel
}

// offerMetrics is aside for the metrics of srv.
func offerMetrics(ctx context.Context, srv *server.Server, address string, stderr io.Writer) (wait func(), err error) {
	mux := http.NewServeMux()
	mux.Handle("/metrics", metrics.Handler(srv))
	return aside(ctx, "--metrics", "metrics", "/metrics", address, mux, stderr)
}

// serve serves srv on an address until ctx ends. It prints the address, and note.
func serve(ctx context.Context, srv *server.Server, address string, stdout io.Writer, note string) error {
	listeners, err := listenAll(address)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "listening on http://%s\n%s", listeners[0].Addr(), note)
	failed := make(chan error, len(listeners))
	var all sync.WaitGroup
	for _, ln := range listeners {
		all.Go(func() { failed <- srv.Serve(ln) })
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if stop := srv.Shutdown(end); stop != nil && !errors.Is(stop, context.DeadlineExceeded) {
		err = errors.Join(err, stop)
	}
	all.Wait()
	return err
}

// listenAll listens on an address; for localhost on both address families, as
// clients may try either, with the same port.
func listenAll(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen %q is no address (%w); use HOST:PORT, such as localhost:3000 or :3000", address, err)
	}
	if host != "localhost" {
		ln, err := listenOn(address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{ln}, nil
	}
	four, err := listenOn(net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	listeners := []net.Listener{four}
	chosen := strconv.Itoa(four.Addr().(*net.TCPAddr).Port)
	six, err := listenOn(net.JoinHostPort("::1", chosen))
	switch {
	case err == nil:
		listeners = append(listeners, six)
	case errors.Is(err, syscall.EADDRINUSE):
		_ = four.Close()
		return nil, err
	}
	return listeners, nil // without IPv6 on this machine, IPv4 has to do
}

func listenOn(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--listen %s: the port is in use (%w); choose another, or :0 for a free one", address, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("--listen %s: not permitted (%w); choose a port above 1023", address, err)
	case err != nil:
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	return ln, nil
}
