//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "pairs: the CPU time of a thread is read here as only Linux tells it; run it there")
	os.Exit(1)
}
