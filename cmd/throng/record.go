package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/scenario/draft"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/recorder"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// The files that a recording consists of.
const (
	recordedLog      = "trace.csv"
	recordedScenario = "scenario.yaml"
	recordedReplay   = "replay.yaml"
)

const recordHelp = `Record what clients do: a proxy for development, between an application's clients
and its Socket.IO server, over polling and websocket. Connect the clients to the
address of --listen instead of the server's; everything else passes through, but no
WebTransport: the proxy takes it from what the server offers. Ctrl-C ends it, or the
signal TERM, since shells let jobs in the background ignore INT, and writes into a new
folder:

  trace.csv       one row for each message: time, user, room, event, size
  replay.yaml     a scenario that plays trace.csv in its own time
  scenario.yaml   a scenario with contract, groups, rates and sizes drafted from it

Secrets are left out: no cookie, no value of auth, query or headers and no text of a
message that differed from others is written; users are called u1, u2 and so on. Names
of rooms and events are written, and texts that were alike in all messages of a kind:
read the files before you share them. Recording stops at --limit messages, and the
proxy goes on.`

type recording struct {
	listen, target, path, out, ca string
	hosts                         []string // by which clients may call the proxy, beside localhost
	insecure                      bool
	limit                         int
	during                        time.Duration
}

func recordCommand() *cobra.Command {
	var r recording
	cmd := &cobra.Command{
		Use:   "record --target URL",
		Short: "Record an application's traffic, and draft a scenario from it",
		Long:  recordHelp,
		Example: `  throng record --target http://localhost:3000
  throng record --listen :3100 --target https://chat.example.org --out session1
  throng check session1/replay.yaml && throng run session1/replay.yaml`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.listen, "listen", "localhost:3100", "address for the clients; :PORT is on this machine alone, port 0 a free one")
	f.StringSliceVar(&r.hosts, "allowed-host", nil, "`NAMES` by which clients call the proxy on this machine, beside localhost")
	f.StringVar(&r.target, "target", "", "`URL` of the server: http or https, without a path")
	f.StringVar(&r.path, "path", "/socket.io/", "Engine.IO path of the server")
	f.StringVar(&r.out, "out", "", "new folder for the files (default recorded, recorded-2, ...)")
	f.StringVar(&r.ca, "ca", "", "PEM file of the certificate authority of an https target")
	f.BoolVar(&r.insecure, "insecure", false, "accept any certificate of an https target")
	f.IntVar(&r.limit, "limit", 500_000, "number of messages to record")
	f.DurationVar(&r.during, "for", 0, "stop after so long (default at Ctrl-C)")
	return cmd
}

// run records until the context ends.
func (r *recording) run(ctx context.Context, stdout, stderr io.Writer) error {
	opt, err := r.options(stderr)
	if err != nil {
		return err
	}
	dir, err := r.folder()
	if err != nil {
		return err
	}
	// A port alone is one of this machine's own: the proxy opens the target to whoever reaches it.
	address := r.listen
	if strings.HasPrefix(address, ":") {
		address = "localhost" + address
	}
	listeners, err := listenAll(address)
	if err != nil {
		_ = os.Remove(dir) // where it is new
		return err
	}
	rec := recorder.New(*opt)
	defer rec.Close()
	try, tried := context.WithTimeout(ctx, tryTarget)
	if err := rec.Try(try); err != nil {
		_, _ = fmt.Fprintf(stderr, "throng: the target %s %v; check --target, and its Engine.IO path, --path\n", opt.Target, err)
	}
	tried()
	if r.during > 0 { // of the recording alone
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.during)
		defer cancel()
	}
	_, _ = fmt.Fprintf(stdout, "recording on http://%s, for %s; Ctrl-C ends it and writes %s\n", listeners[0].Addr(), opt.Target, dir)
	// A page of another site whose name points here would be taken for one of the target's own.
	err = serveProxy(ctx, hostname.Guard(rec, r.hosts), listeners)
	// What was seen is kept, whatever ended it.
	if failed := r.write(rec.Observer(), opt.Target.String(), dir, stdout); err == nil {
		return failed
	}
	return err
}

// tryTarget is how long a target may take to answer before the recording begins without it.
const tryTarget = 2 * time.Second

// options reads the flags.
func (r *recording) options(stderr io.Writer) (*recorder.Options, error) {
	if r.target == "" {
		return nil, errors.New("record needs --target, the URL of the server, such as --target http://localhost:3000")
	}
	u, err := file.ServerURL(r.target, "write http://HOST:PORT or https://HOST:PORT", "leave credentials and query out: clients send them")
	switch {
	case err != nil:
		return nil, fmt.Errorf("--target %w", err)
	case strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("--target %q has a path; leave it out: clients send it, and --path is the Engine.IO path", r.target)
	case !strings.HasPrefix(r.path, "/"):
		return nil, fmt.Errorf("--path %q is not an Engine.IO path; write it like /socket.io/", r.path)
	case r.limit < 1:
		return nil, errors.New("--limit is below 1; write how many messages to record")
	case r.during < 0:
		return nil, fmt.Errorf("--for %v is no time; write one such as 10m, or leave it out", r.during)
	}
	if err := hostname.Check(r.hosts); err != nil {
		return nil, fmt.Errorf("--allowed-host %w", err)
	}
	conf := &tls.Config{InsecureSkipVerify: r.insecure}
	if r.ca != "" {
		pem, err := regular.ReadFile(r.ca, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s: no PEM certificate; name the file of the target's certificate authority", r.ca)
		}
	}
	u.Path, u.Scheme = "", strings.Replace(u.Scheme, "ws", "http", 1)
	var once sync.Once
	return &recorder.Options{Target: u, Path: r.path, TLS: conf, Limit: r.limit, Unreachable: func(err error) {
		// a certificate may name anything
		once.Do(func() {
			_, _ = fmt.Fprintf(stderr, "throng: the target %s cannot be reached: %s\n", u, result.Short(err.Error(), result.MaxText))
		})
	}}, nil
}

// folder makes the folder for the files.
func (r *recording) folder() (string, error) {
	if r.out == "" {
		dir := fresh("recorded")
		return dir, writable(dir, "--out")
	}
	for _, name := range []string{recordedLog, recordedScenario, recordedReplay} {
		if _, err := os.Stat(filepath.Join(r.out, name)); !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s holds a recording already (%s); choose another folder with --out", r.out, name)
		}
	}
	return r.out, writable(r.out, "--out")
}

// serveProxy serves until the context ends, and cuts connections then.
func serveProxy(ctx context.Context, h http.Handler, listeners []net.Listener) error {
	// Connections of websockets are not the server's any more: they end with the context.
	srv := httpServer(h)
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	failed := make(chan error, len(listeners))
	var all sync.WaitGroup
	for _, ln := range listeners {
		all.Go(func() { failed <- srv.Serve(ln) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if srv.Shutdown(end) != nil {
		_ = srv.Close()
	}
	all.Wait()
	return err
}

// write writes what was seen.
func (r *recording) write(seen *draft.Observer, target, dir string, stdout io.Writer) error {
	clients, messages := seen.Counts()
	d := seen.Draft(draft.Options{Name: "recorded", Source: "throng record", Target: target, Path: r.path, Log: recordedLog})
	if d.Empty() {
		_ = os.Remove(dir) // where it is new
		return &exitError{exitUsage, errors.New("no client was seen, and nothing is written; connect the clients to the address of --listen instead of the server's, over polling or websocket")}
	}
	log, err := os.Create(filepath.Join(dir, recordedLog))
	if err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	if err := errors.Join(d.WriteLog(log), log.Close()); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	made := map[string][]byte{filepath.Join(dir, recordedScenario): d.Scenario(), filepath.Join(dir, recordedReplay): d.Replay()}
	for path, text := range made {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("write the recording: %w", err)
		}
	}
	for path, text := range made { // all are written before one is refused
		if _, err := file.Parse(path, text, nil); err != nil {
			return fmt.Errorf("the draft needs a correction before it runs: %w", err)
		}
	}
	_, _ = fmt.Fprintf(stdout, "%d clients, %d messages: %s, %s, %s in %s\n", clients, messages, recordedLog, recordedReplay, recordedScenario, dir)
	for _, line := range d.Left() {
		_, _ = fmt.Fprintf(stdout, "left out: %s\n", line)
	}
	_, _ = fmt.Fprintf(stdout, "Cookies, values of auth, query and headers, and texts that differed are not in these files; names of rooms and events are.\n")
	_, _ = fmt.Fprintf(stdout, "Read %s, and do what its comments say; 'throng run %[1]s --quick' tries it.\n", filepath.Join(dir, recordedScenario))
	return nil
}
