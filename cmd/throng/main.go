// Command throng load-tests and benchmarks Socket.IO servers. See the README,
// or run it without arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitPass        = 0
	exitFail        = 1 // a check failed
	exitUsage       = 2 // bad usage or bad file
	exitInvalid     = 3 // the generator was not fit to judge
	exitUnreachable = 4 // the target cannot be reached
	exitInterrupted = 130
)

// exitError ends the program with a code of its own. Without an error it does so
// silently: what there was to say has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: what it is given it may use, and nothing else of the
// process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPass
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err}
	}
	if exit.err != nil {
		for _, line := range errorLines(exit.err) {
			_, _ = fmt.Fprintf(stderr, "throng: %s\n", line)
		}
	}
	return exit.code
}

// errorLines gives several errors joined in one a line each.
func errorLines(err error) []string {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var lines []string
		for _, e := range all.Unwrap() {
			lines = append(lines, errorLines(e)...)
		}
		return lines
	}
	return []string{err.Error()}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "throng",
		Short: "Load tests and benchmarks for Socket.IO services",
		Long: `Throng load-tests Socket.IO services: it plays thousands of clients against a
server, counts every expected delivery, measures latency from the schedule, and
says whether to believe it. It brings a fast Socket.IO server of its own.

  throng run quickstart     a first run, with everything built in
  throng list               the ready scenarios
  throng init my            a commented scenario to start from
  throng doctor             what this machine allows, and its floor
  throng compare A B        what changed between two results, and whether it is real
  throng capacity NAME      how much one node carries
  throng view               all results, in a browser

'throng completion bash' (or zsh, fish, powershell) writes a script that completes
commands, flags and the names of scenarios: source <(throng completion bash)`,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Version:               version(),
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE:                  noSuchCommand,
	}
	root.SetFlagErrorFunc(badFlag)
	root.AddCommand(runCommand(), serveCommand(), listCommand(), checkCommand(), reportCommand(), capacityCommand(), compareCommand(), viewCommand(), doctorCommand(), schemaCommand(), initCommand())
	return root
}
