//go:build !unix

package command

import "os/exec"

// Without process groups only the command itself can be ended.

func alone(*exec.Cmd) {}

func (g *group) ask() { g.kill() }

func (g *group) kill() { _ = g.leader.Kill() }

func (g *group) alive() bool { return false }
