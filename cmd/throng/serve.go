package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
	"github.com/throng-io/throng/server/metrics"
)

// shutdownTime is how long clients get to read their queues.
const shutdownTime = 2 * time.Second

const serveHelp = `Run the built-in Socket.IO server with one of its applications:

  bench     the benchmark contract: join, leave, echo, room, all; under /plain/ the
            same without Socket.IO, over websockets, server-sent events and polls
  protocol  a playground for protocol tests
  engine    bare Engine.IO: each message is echoed (path /engine.io/)
  chat      a chat room with its web page at /; clients can recover a lost
            connection for two minutes, or for the time in --recovery
  p2p       the signalling by which clients meet peer to peer (WebRTC), with its
            web page at /, and the benchmark contract

Durations are written as 300ms or 25s; a plain number is milliseconds. Sizes are
written as in scenario files, 64KiB or 1.5MB; a plain number is bytes.
The server prints one line with its address when it accepts connections. On Ctrl-C or
SIGTERM it informs its clients and stops.`

const serveExample = `  throng serve
  throng serve --app chat --listen :8080
  throng serve --admin --recovery 2m --metrics :9090
  throng serve --listen :3000 --tls-cert cert.pem --tls-key key.pem`

// serveFlags are what `throng serve` can be told.
type serveFlags struct {
	opts        server.Options
	application string
	origins     []string
	credentials bool
	recovery    time.Duration
	client      string // folder of the browser client
	observed    observing
	at          listening
	shown       adminFlags
	others      clusterFlags
}

func serveCommand() *cobra.Command {
	var s serveFlags
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run the built-in Socket.IO server",
		Long:    serveHelp,
		Example: serveExample,
		Args:    arguments(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	group(
		cmd,
		flagGroup{"What it serves", func(f *pflag.FlagSet) {
			f.StringVar(&s.application, "app", "bench", "application: "+strings.Join(app.Names(), ", "))
			optionFlags(f, &s.opts, "What it serves")
			f.Lookup("fanout").Usage += ": " + strings.Join(server.Strategies(), ", ")
			f.Var(duration{&s.recovery}, "recovery", "how long a client may come back as the same socket after losing its connection (default never)")
			f.StringVar(&s.client, "client-dir", "", "folder of the browser client to serve (dist of the npm package socket.io-client)")
		}},
		flagGroup{"Address and access", s.access},
		flagGroup{"Protocol", func(f *pflag.FlagSet) { optionFlags(f, &s.opts, "Protocol") }},
		flagGroup{"Times", func(f *pflag.FlagSet) { optionFlags(f, &s.opts, "Times") }},
		flagGroup{"Limits", func(f *pflag.FlagSet) { optionFlags(f, &s.opts, "Limits") }},
		flagGroup{"Several servers", s.others.register},
		flagGroup{"Admin UI", s.shown.register},
		flagGroup{"Observation", s.observed.register},
	)
	cmd.Flags().BoolVar(&s.at.parent, "until-stdin-ends", false, "stop when standard input ends, as happens when the parent process ends")
	complete(cmd, "app", app.Names())
	complete(cmd, "fanout", server.Strategies())
	return cmd
}

// access defines the flags about where the server listens, and which clients it serves.
func (s *serveFlags) access(f *pflag.FlagSet) {
	s.at.register(f)
	f.StringVar(&s.opts.HealthPath, "health-path", "/health", "path that answers the health checks of load balancers; empty for none")
	f.StringSliceVar(&s.observed.hosts, "allowed-host", nil, "allowed host names in requests beside localhost, such as the name of a proxy (default any; with --admin on localhost, and for --metrics and --pprof, none)")
	f.StringSliceVar(&s.origins, "cors-origin", nil, `origins whose pages may connect; "*" for all`)
	f.BoolVar(&s.credentials, "cors-credentials", false, "allow pages of --cors-origin to send cookies")
	optionFlags(f, &s.opts, "Address and access")
	f.Func("cookie", "name of a cookie with the session id, for sticky load balancers", cookieOf(&s.opts))
}

// run serves until the command's context ends, or with --until-stdin-ends the parent.
func (s *serveFlags) run(cmd *cobra.Command) (err error) {
	if err := withoutNeeded(cmd.Flags(), "admin", "adapter"); err != nil {
		return err
	}
	if s.opts.CORS, err = corsOf(s.origins, s.credentials); err != nil {
		return err
	}
	s.opts.Recovery = recoveryOf(s.recovery)
	if s.client = browserClient(s.client, s.application); s.client != "" {
		s.opts.Client = os.DirFS(s.client)
	}
	if s.shown.on && onLocalhost(s.at.address) || len(s.observed.hosts) > 0 {
		s.opts.Hosts = append([]string{"localhost"}, s.observed.hosts...)
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := s.others.open(&s.opts); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.others.close()) }()
	srv, err := app.New(s.application, s.opts)
	err = errors.Join(namingFlags(err), s.shown.install(srv, s.application, s.at.address, s.origins, s.observed.hosts))
	if err != nil {
		return err
	}
	stdin, profiles, err := s.observed.take(cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, profiles()) }()
	ctx := cmd.Context()
	if s.at.parent {
		var cancel context.CancelFunc
		ctx, cancel = untilEnd(ctx, stdin, orphanGrace)
		defer cancel()
	}
	offered, err := s.observed.offer(ctx, func() http.Handler { return metrics.Handler(srv, s.others.measured()...) }, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer offered()
	if err := s.others.ready(ctx); err != nil {
		return err
	}
	return serve(ctx, srv, &s.at, cmd.OutOrStdout(), func(url string) string { return pageNote(s.application, s.client) + s.shown.note(url) })
}

// check refuses unknown applications and what the server does not take, before a broker is
// connected. Its errors name flags.
func (s *serveFlags) check() error {
	if !slices.Contains(app.Names(), s.application) {
		return fmt.Errorf("--app %q is unknown; use one of %s", s.application, strings.Join(app.Names(), ", "))
	}
	opts := s.opts
	if s.application == "engine" {
		opts.Engine = app.Echo
	}
	if s.others.address != "" {
		opts.Adapter = func(_ *server.Namespace, local server.Adapter) server.Adapter { return local }
	}
	_, err := opts.WithDefaults()
	return namingFlags(err)
}

// withoutNeeded refuses flags that say more about another one, by whose name theirs begin, if that
// is not given.
func withoutNeeded(f *pflag.FlagSet, needed ...string) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		for _, name := range needed {
			if strings.HasPrefix(flag.Name, name+"-") && !f.Changed(name) && err == nil {
				err = fmt.Errorf("--%s needs --%s; add it", flag.Name, name)
			}
		}
	})
	return err
}

// recoveryOf returns the option for clients that come back within the time, nil for none.
func recoveryOf(within time.Duration) *server.Recovery {
	if within <= 0 {
		return nil
	}
	return &server.Recovery{MaxDisconnection: within}
}

// cookieOf sets the cookie of the options to one with the name.
func cookieOf(opts *server.Options) func(name string) error {
	return func(name string) error {
		opts.Cookie = &server.Cookie{Name: name}
		return nil
	}
}

// browserClient returns the folder of the browser client; applications with a page use one that is
// installed.
func browserClient(named, application string) string {
	if named == "" && slices.Contains(pages, application) {
		return installedClient()
	}
	return named
}

// corsOf returns the option for the pages of other origins, nil for none.
func corsOf(origins []string, credentials bool) (*server.CORS, error) {
	if len(origins) > 0 {
		return &server.CORS{Origins: origins, Credentials: credentials}, nil
	}
	if credentials {
		return nil, errors.New("--cors-credentials needs --cors-origin; add it")
	}
	return nil, nil
}

// stopWord is the last word of a parent that stops a child. Without it the end of the child's
// standard input means that the parent was killed.
const stopWord = "stop"

// goroutinesWord begins the lines in which a server tells its parent how many goroutines it has.
const goroutinesWord = "goroutines "

// tellGoroutines prints how many there are each second until ctx ends. It is never waited for: a
// parent that does not read may hold it.
func tellGoroutines(ctx context.Context, stdout io.Writer) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := fmt.Fprintf(stdout, "%s%d\n", goroutinesWord, runtime.NumGoroutine()); err != nil {
				return
			}
		}
	}
}

// orphanGrace is for how long a server goes on whose parent was killed: load generators that the
// same process started end their load and write down what they have measured, and a server that was
// gone first would be in it.
const orphanGrace = 2 * time.Second

// untilEnd returns a context that ends with r, or a grace later when the parent was killed.
func untilEnd(ctx context.Context, r io.Reader, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		said := &tail{}
		_, _ = io.Copy(said, r)
		if grace == 0 || said.endsWith(stopWord) {
			return
		}
		select {
		case <-time.After(grace):
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// serve serves srv on an address until ctx ends. It prints the address, and the note about it.
func serve(ctx context.Context, srv *server.Server, at *listening, stdout io.Writer, note func(url string) string) error {
	d, err := at.listen()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "listening on %s\n%s%s", d.url, d.note, note(d.url))
	if at.parent {
		go tellGoroutines(ctx, stdout)
	}
	failed, wait := d.serve(srv)
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
	wait()
	return err
}
