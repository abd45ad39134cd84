package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// stdinOf is the standard input of a command. Reading it ends with the command's context, so that
// Ctrl-C ends a command that waits for input.
func stdinOf(cmd *cobra.Command) io.Reader { return &cutReader{cmd.Context(), cmd.InOrStdin()} }

type cutReader struct {
	ctx context.Context
	r   io.Reader
}

// Read leaves a goroutine behind when the context ends first: nothing else can end a read of a
// terminal or a pipe, and the program is about to end.
func (c *cutReader) Read(p []byte) (int, error) {
	type got struct {
		n   int
		err error
	}
	buf, done := make([]byte, len(p)), make(chan got, 1)
	go func() {
		n, err := c.r.Read(buf)
		done <- got{n, err}
	}()
	select {
	case g := <-done:
		return copy(p, buf[:g.n]), g.err
	case <-c.ctx.Done():
		return 0, c.ctx.Err()
	}
}
