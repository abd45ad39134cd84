//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = fmt.Fprintln(os.Stderr, "cluster: networks are cut by namespaces here, which only Linux has; run it there")
	os.Exit(1)
}
