//go:build unix

package main

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
)

// stopGroup asks a detached command and its children to end, and kills them when ctx ends before
// exited is closed.
func stopGroup(ctx context.Context, cmd *exec.Cmd, exited <-chan struct{}) error {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // it may have ended
	select {
	case <-exited:
		// Children that have not ended with their parent would serve the next trial.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return nil
	case <-ctx.Done():
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited
	return errors.New("the process did not stop and was killed")
}

// inGroup reports whether a process is of the group of a detached command, which stopGroup ends.
func inGroup(pid, leader int) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == leader
}
