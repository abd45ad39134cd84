//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "fanout: pinning, epoll and the processor time of other processes are taken from Linux; run it there")
	os.Exit(2)
}
