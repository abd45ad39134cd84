//go:build !unix

package main

import (
	"context"
	"errors"
	"io"
	"time"
)

// used is what the bare reader has done so far.
type used struct {
	Frames int64         `json:"frames"`
	CPU    time.Duration `json:"cpu"`
}

func reader(context.Context, []string, io.Reader, io.Writer) error {
	return errors.New("the processor time of a process is read on Unix systems only")
}

func echoer(context.Context, []string, io.Reader, io.Writer) error { return reader(nil, nil, nil, nil) }
