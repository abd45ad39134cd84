//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "chaos: processes are counted by /proc here, which only Linux has; run it there")
	os.Exit(1)
}
