//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "uring: io_uring is an interface of Linux; run it there")
	os.Exit(2)
}
