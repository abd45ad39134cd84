package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"text/template"
	"time"
)

// proxyFiles are the configurations of the proxies of runs. Those for operators, with the reason of
// each line, are in bench/peers/proxies.
//
//go:embed proxies
var proxyFiles embed.FS

// runProxy runs nginx or HAProxy in front of nodes until started returns. The socket that it
// listens on is made here and handed over, so that no other process can take its port in between.
func runProxy(ctx context.Context, kind string, nodes []string, started func(url string, pid int)) (err error) {
	program, err := lookProxy(kind)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start %s: %w", kind, err)
		}
	}()
	dir, err := os.MkdirTemp("", "throng")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // started by root, nginx writes large bodies as another user
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	conf, at := filepath.Join(dir, "conf"), listener.Addr().String()
	if err := configure(conf, kind, at, nodes); err != nil {
		return err
	}
	cmd := exec.Command(program, "-p", dir, "-c", conf, "-e", "stderr")
	if kind == "haproxy" {
		cmd = exec.Command(program, "-db", "-q", "-f", conf)
	}
	said := &tail{}
	cmd.Stderr = said
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = append(os.Environ(), "NGINX=3;") // for nginx: what it need not open
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or has said why it ends
		close(ended)
	}()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // killed, nginx would leave its worker behind
		select {
		case <-ended:
		case <-time.After(brokerTime / 2):
			_ = cmd.Process.Kill()
			<-ended
		}
	}()
	if err := answers(ctx, "http://"+at+"/health", ended); err != nil {
		return fmt.Errorf("%w%s", err, said.quote())
	}
	started("http://"+at, cmd.Process.Pid)
	return nil
}

// lookProxy finds a program, also where only administrators have it in their path.
func lookProxy(kind string) (string, error) {
	for _, name := range []string{kind, "/usr/sbin/" + kind, "/usr/local/sbin/" + kind} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("behind: %s needs %s, which is not installed; install it, or leave the proxy out with --set server.behind=none", kind, kind)
}

// configure writes the configuration of a proxy that listens at an address.
func configure(file, kind, listen string, nodes []string) error {
	text, err := template.New(kind).Funcs(template.FuncMap{"quote": regexp.QuoteMeta}).ParseFS(proxyFiles, "proxies/"+kind)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := text.Execute(&b, map[string]any{"Listen": listen, "Nodes": nodes}); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// answers waits until a server, or the process that passes requests on to it, answers.
func answers(ctx context.Context, url string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, brokerTime)
	defer cancel()
	link := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := link.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		select {
		case <-ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("no node answers through it: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
