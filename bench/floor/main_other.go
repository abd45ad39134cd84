//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "floor: this server is written for epoll; run it on Linux")
	os.Exit(2)
}
