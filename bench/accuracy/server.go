package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
)

// serve runs a server that delays each broadcast by the same time, its argument.
func serve(_ context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: accuracy server DELAY")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	return delayed.Serve(func() time.Duration { return d }, in, out)
}
