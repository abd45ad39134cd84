//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "starve: processes are tied to processors here, which only Linux does; run it there")
	os.Exit(1)
}
