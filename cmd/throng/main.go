// Command throng load-tests and benchmarks Socket.IO servers. See the README,
// or run it without arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/result"
)

// Exit codes.
const (
	exitPass        = 0
	exitFail        = 1 // a check failed
	exitUsage       = 2 // bad usage or bad file
	exitInvalid     = 3 // the generator was not fit to judge
	exitUnreachable = 4 // the target cannot be reached
	exitNothing     = 5 // a search found nothing
	exitInterrupted = 130
	exitPipe        = 141 // the reader of standard output has gone: a shell's code for SIGPIPE
)

// exitOf is the exit code of a run with a verdict.
func exitOf(v result.Verdict) int {
	switch v {
	case result.Pass:
		return exitPass
	case result.Fail:
		return exitFail
	}
	return exitInvalid
}

// exitError ends the program with a code of its own. Without an error it does so
// silently: what there was to say has been said.
type exitError struct {
	code int
	err  error
}

// errUnmeasured ends a command that was interrupted before it had anything to keep.
var errUnmeasured = &exitError{exitInterrupted, errors.New("interrupted before the first measurement")}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// also is the error of a command to which more has happened: its exit code stays.
func also(err, more error) error {
	exit, ok := errors.AsType[*exitError](err)
	if ok && more != nil {
		return &exitError{exit.code, errors.Join(exit.err, more)}
	}
	return errors.Join(err, more)
}

func main() {
	// A reader of the output that goes away, as head does, must not end a run before its results
	// are written: writing fails instead, which readerGone looks for.
	signal.Ignore(syscall.SIGPIPE)
	quietQUIC(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// quietQUIC keeps quic-go's warning about small buffers of UDP off the screen of a run, where
// `throng check` and the warnings of a plan say it with the remedy. A server's log keeps it.
func quietQUIC(args []string) {
	const name = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"
	if _, set := os.LookupEnv(name); !set && (len(args) == 0 || args[0] != "serve") {
		_ = os.Setenv(name, "true")
	}
}

// ends are the signals that end the program in an orderly way and keep the measurements so far. A
// signal that the parent ignores, as nohup does with SIGHUP, stays ignored.
func ends() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

// run is the program. It uses only its arguments, and no other state of the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // nil would stand for those of the process
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	refuseEmpty(root)
	refuseShells(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPass
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err}
	}
	if readerGone(exit.err) {
		return exitPipe
	}
	if exit.err != nil {
		for _, line := range errorLines(exit.err) {
			_, _ = fmt.Fprintf(stderr, "throng: %s\n", line)
		}
	}
	return exit.code
}

// readerGone reports whether standard output was closed by its reader, which needs no message.
func readerGone(err error) bool {
	failed, ok := errors.AsType[*fs.PathError](err)
	return ok && failed.Path == os.Stdout.Name() && errors.Is(failed, syscall.EPIPE)
}

// unread is err, and nil where the reader of standard output has gone: the exit code of a command
// with a verdict says the verdict then, too.
func unread(err error) error {
	if readerGone(err) {
		return nil
	}
	return err
}

// errorLines writes joined errors one per line. Text from a server or a file cannot add lines to
// them or move the cursor.
func errorLines(err error) []string {
	parts := joined(err)
	if parts == nil {
		return []string{result.Short(err.Error(), 4*result.MaxText)}
	}
	var lines []string
	for _, e := range parts {
		lines = append(lines, errorLines(e)...)
	}
	return lines
}

// joined are the errors that were joined to err; nil for one that wraps several in one line.
func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == errors.Join(all.Unwrap()...).Error() {
		return all.Unwrap()
	}
	return nil
}

// keepOrder lists the flags of all commands as they are defined: related ones stand together.
func keepOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	for _, c := range cmd.Commands() {
		keepOrder(c)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "throng",
		Short: "Load tests and benchmarks for Socket.IO services",
		Long: `Throng load-tests Socket.IO services: it plays thousands of clients against a
server, counts every expected delivery, measures latency from the due time of a
message, and checks whether its own measurement is valid. It includes a fast Socket.IO
server.

'throng completion bash' (or zsh, fish, powershell) writes a script that completes
commands, flags and the names of scenarios: source <(throng completion bash)`,
		Example: `  throng run quickstart          # a first run, with everything built in
  throng init my                 # a commented scenario to start from
  throng check my.yaml           # what it will do, and whether this machine can
  throng help run                # what a command does, with examples`,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Version:               result.Version(),
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE:                  noSuchCommand,
	}
	root.SetFlagErrorFunc(badFlag)
	root.SetHelpCommand(helpCommand())
	root.SetHelpFunc(explain)
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		width, _ := columnsOf(cmd.OutOrStdout())
		_, err := io.WriteString(cmd.OutOrStdout(), usageText(cmd, width))
		return err
	})
	root.AddCommand(runCommand(), serveCommand(), emitCommand(), brokerCommand(), agentCommand(), fleetCommand(), listCommand(), checkCommand(), reportCommand(), capacityCommand(), compareCommand(), viewCommand(), doctorCommand(), schemaCommand(), initCommand(), recordCommand(), importCommand(), versionCommand())
	root.InitDefaultHelpCmd()
	keepOrder(root)
	return root
}
