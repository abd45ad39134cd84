#!/usr/bin/env bash
# github.com/redis/rueidis v1.0.79 (Go), redis-server (Debian)
#
# Guess: a client that connects again by itself has noticed long before the next command that its server was
#        restarted: the kernel told it when the connection ended. The first PUBLISH after the server is back
#        succeeds.
# Seen:  a client that is used by one goroutine at a time reads its connections only while it waits for an
#        answer. The end of an idle one is found by the next PUBLISH on it, which fails with EOF. The default of
#        four connections (PipelineMultiplex 2) can fail several times. With AlwaysPipelining, which keeps a
#        reader on each connection, none fails.
# Why:   an adapter that publishes seldom loses a message to a broker that has been back for minutes, and may not
#        send it again: an EOF does not say whether the server had it.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
command -v redis-server >/dev/null || { echo "redis-server is not installed" >&2; exit 2; }
dir=$(mktemp -d)
redis=
trap '[ -z "$redis" ] || kill "$redis" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
mkdir finding
cat >finding/main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/redis/rueidis"
)

const socket = "s"

func start() *exec.Cmd {
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "")
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	for range 500 {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return cmd
		}
		time.Sleep(10 * time.Millisecond)
	}
	panic("redis-server does not listen")
}

// failures publishes once, restarts the server, waits a second, and publishes eight times.
func failures(always bool) (failed int) {
	server := start()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{socket}, DisableCache: true, AlwaysPipelining: always,
		DialCtxFn: func(ctx context.Context, _ string, d *net.Dialer, _ *tlsConfig) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	publish := func() error {
		return client.Do(context.Background(), client.B().Publish().Channel("c").Message("m").Build()).Error()
	}
	for range 16 { // over all connections
		if err := publish(); err != nil {
			panic(err)
		}
	}
	server.Process.Kill()
	server.Wait()
	server = start()
	defer func() { server.Process.Kill(); server.Wait() }()
	time.Sleep(time.Second)
	for range 8 {
		if err := publish(); err != nil {
			fmt.Println("  ", err)
			failed++
		}
	}
	return failed
}

func main() {
	idle := failures(false)
	fmt.Println("default:         ", idle, "of 8 failed after the server was back for a second")
	kept := failures(true)
	fmt.Println("AlwaysPipelining:", kept, "of 8 failed")
	if idle == 0 || kept != 0 {
		os.Exit(1)
	}
}
GO
sed -i 's/\*tlsConfig/*tls.Config/; s#^	"context"#	"context"\n	"crypto/tls"#' finding/main.go
cd finding
go mod init finding >/dev/null 2>&1
go get github.com/redis/rueidis@v1.0.79 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o ../program . || exit 2
cd ..
timeout 60 ./program
