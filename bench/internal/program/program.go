// Package program is what the programs of bench share: their main function and the processes that
// they are started as, the build of throng that they measure, and the load of the machine.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A Role is what a program is in a process that it starts itself, with the name of the role as its
// first argument. args are the ones behind that.
type Role struct {
	Name string
	Play func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error
}

// Main plays one of the roles, if the first argument names it, or runs the program until it ends or
// is interrupted, and returns if that has succeeded or shown its help. Else it prints the error
// behind the program's name and ends the process with status 1.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error, roles ...Role) {
	if Play(name, roles...) {
		return
	}
	ctx, stop := interruptible()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if !errors.Is(err, flag.ErrHelp) {
		exitOn(err, name)
	}
}

// Play reports whether the first argument names one of the roles, after playing it. The tests of a
// program call it in TestMain, since it is their binary that starts itself.
func Play(name string, roles ...Role) (played bool) {
	if len(os.Args) < 2 {
		return false
	}
	at := slices.IndexFunc(roles, func(r Role) bool { return r.Name == os.Args[1] })
	if at < 0 {
		return false
	}
	ctx, stop := interruptible()
	err := roles[at].Play(ctx, os.Args[2:], os.Stdin, os.Stdout)
	stop()
	exitOn(err, name+" "+roles[at].Name)
	return true
}

func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

func exitOn(err error, who string) {
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", who, err)
		os.Exit(1)
	}
}

// Build builds a command of this module, such as "cmd/throng", into a folder, and returns the path
// of the binary. It works from every folder of the module.
func Build(ctx context.Context, dir, command string) (binary string, err error) {
	binary = filepath.Join(dir, filepath.Base(command))
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/throng-io/throng/"+command).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return binary, nil
}

// LoadAverage is the load of the machine in the last minute, as Linux writes it, such as "0.42"; ""
// where it is not known.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// FreePort is a TCP port of a host of this machine that could be bound a moment ago. It is none of
// those that the system gives out by itself, so that no connection and no listener of another test
// takes it meanwhile; and 10 000 more, the bus of Redis Cluster, is none either.
func FreePort(host string) (port int, err error) {
	for range 100 {
		port = 10_000 + rand.IntN(12_000)
		ln, err2 := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err2 == nil {
			return port, ln.Close()
		}
		err = err2
	}
	return 0, fmt.Errorf("no free port: %w", err)
}
