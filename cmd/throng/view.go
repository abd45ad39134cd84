package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports/view"
)

// viewGrace is how long the viewer waits for answers under way when it is stopped.
const viewGrace = 3 * time.Second

func viewCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "view [DIR]",
		Short: "Browse and compare all results in a web browser",
		Long: `Serve all results below DIR (default out) to a web browser: a list that can be
filtered and sorted, the report of each run, and the comparison of two or more runs,
with their distributions and time series in common figures. Listens on this machine
only, unless --listen names another address. Ctrl-C ends it.`,
		Example: `  throng view
  throng view results --listen 127.0.0.1:9000`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "out"
			if len(args) > 0 {
				dir = args[0]
			}
			viewer, err := view.New(dir)
			if err != nil {
				return err
			}
			defer func() { _ = viewer.Close() }()
			l, err := listenAside("--listen", listen)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "serving %s on http://%s/\n", dir, l.Addr()); err != nil {
				_ = l.Close()
				return err
			}
			if exposed(l) {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "throng: any client that can reach this address can read the results")
			}
			return serveUntil(cmd.Context(), l, viewer)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:7070", "serve on this `ADDR`")
	return cmd
}

// serveUntil serves until ctx ends, and then until the answers under way are given.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	server := httpServer(h)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("view results: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), viewGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("view results: %w", err)
	}
	return nil
}
