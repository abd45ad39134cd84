package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/cobra"
)

// companion is a broker that connects the nodes of a run, or a proxy in front of them. It ends with
// the run.
type companion struct {
	url  string
	pid  int
	stop func() error
}

// brokerTime is how long a broker or a proxy may take to listen, or to end.
const brokerTime = 10 * time.Second

// startCompanion starts a broker or a proxy as a process of its own, so that its CPU is its own: a
// kind, for a proxy with the addresses of the nodes. It ends when this process does, however that
// ends.
func startCompanion(ctx context.Context, what string, kind ...string) (*companion, error) {
	c, first, err := startChild(ctx, "", what, os.Environ(), append([]string{brokerName}, kind...)...)
	if err != nil {
		return nil, err
	}
	b := &companion{stop: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), brokerTime)
		defer cancel()
		return c.stop(ctx)
	}}
	if n, _ := fmt.Sscan(first, &b.url, &b.pid); n != 2 {
		return nil, errors.Join(fmt.Errorf("%s did not say where it listens, but %q", what, first), b.stop())
	}
	return b, nil
}

const brokerName = "broker-of-a-run"

// brokerCommand is the broker or the proxy of a run, for internal use: users have their own.
func brokerCommand() *cobra.Command {
	return &cobra.Command{
		Use: brokerName + " KIND [NODE ...]", Hidden: true, Args: arguments(1, 1000),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := untilEnd(cmd.Context(), cmd.InOrStdin(), orphanGrace)
			defer cancel()
			started := func(url string, pid int) {
				_, _ = fmt.Fprintln(cmd.OutOrStdout(), url, pid)
				<-ctx.Done()
			}
			switch args[0] {
			case "nats":
				return runNATS(started)
			case "nats+jetstream":
				return runJetStream(started)
			case "nginx", "haproxy":
				return runProxy(ctx, args[0], args[1:], started)
			}
			return runRedis(ctx, args[0], started)
		},
	}
}

// runJetStream is a NATS server with JetStream, in memory, until started returns.
func runJetStream(started func(url string, pid int)) (err error) {
	dir, err := os.MkdirTemp("", "throng") // it needs one even so
	if err != nil {
		return fmt.Errorf("start NATS: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return runNATS(func(url string, pid int) {
		started(strings.Replace(url, "nats://", "nats+jetstream://", 1), pid)
	}, func(o *natsserver.Options) { o.JetStream, o.StoreDir, o.JetStreamMaxMemory = true, dir, 256<<20 })
}

// runNATS is a NATS server until started returns.
func runNATS(started func(url string, pid int), with ...func(*natsserver.Options)) error {
	// other programs of this machine are not let in
	user, password := "throng", rand.Text()
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true, WriteDeadline: brokerTime, Username: user, Password: password,
	}
	for _, f := range with {
		f(o)
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		return fmt.Errorf("start NATS: %w", err)
	}
	go s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(brokerTime) {
		return errors.New("start NATS: it does not listen")
	}
	u := url.URL{Scheme: "nats", User: url.UserPassword(user, password), Host: s.Addr().String()}
	started(u.String(), os.Getpid())
	return nil
}

// runRedis runs a Redis server, without a port and without files, until started returns.
func runRedis(ctx context.Context, kind string, started func(url string, pid int)) (err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("adapter: %s needs redis-server, which is not installed; install it, write the URL of a Redis that runs, such as redis://localhost:6379, or adapter: nats", kind)
	}
	dir, err := os.MkdirTemp("", "throng") // the path of a socket must be short
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", dir)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()
	}()
	for begun := time.Now(); ; {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
			started("unix"+strings.TrimPrefix(kind, "redis")+"://"+socket, cmd.Process.Pid)
			return nil
		}
		if ctx.Err() != nil || time.Since(begun) > brokerTime {
			return fmt.Errorf("start Redis: it does not listen: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
