//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// alone puts a command into a process group of its own, whose number is its process id.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// ask asks every process of the group to end.
func (g *group) ask() { g.signal(syscall.SIGTERM) }

// kill ends every process of the group.
func (g *group) kill() { g.signal(syscall.SIGKILL) }

// signal reaches processes of the group and no other: the system gives its number to no new process
// while one of them lives.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.leader.Pid, s) }

// alive reports whether the group has a process.
func (g *group) alive() bool { return syscall.Kill(-g.leader.Pid, 0) == nil }
