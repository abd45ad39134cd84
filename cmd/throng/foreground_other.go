//go:build !unix

package main

import "os"

// foreground reports whether this process may read keys from the terminal.
func foreground(*os.File) bool { return true }
