//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach puts a child into a process group of its own: Ctrl-C is for this
// process, which then stops the child when it is done with it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
