//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// What listens on the port without being of the command is not measured in its place: a server that
// a trial has left there, nor one that is not in the command's process group.
func TestOnlyTheCommandIsMeasured(t *testing.T) {
	t.Parallel()
	b, err := parseBuild("sh -c 'exec sleep 300'")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", strings.TrimPrefix(b.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if _, err := b.serve(t.Context()); err == nil || !strings.Contains(err.Error(), "another server accepts connections on $PORT") {
		t.Errorf("a server that was left: %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.serve(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if runtime.GOOS != "linux" {
		t.Log("only Linux tells whose a port is")
		return
	}
	other := exec.Command("sleep", "300")
	detach(other)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	if err := b.own(other.Process.Pid); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(process %d), is not of the process group", os.Getpid())) {
		t.Errorf("this process listens for the command: %v", err)
	}
	if err := b.own(syscall.Getpgrp()); err != nil {
		t.Errorf("the port is of this process group: %v", err)
	}
}
