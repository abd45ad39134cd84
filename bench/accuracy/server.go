package main

import (
	"io"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
)

// serve runs a server that delays each broadcast by the same time.
func serve(delay string, in io.Reader, out io.Writer) error {
	d, err := time.ParseDuration(delay)
	if err != nil {
		return err
	}
	return delayed.Serve(func() time.Duration { return d }, in, out)
}
