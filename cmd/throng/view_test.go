package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestViewCommand(t *testing.T) {
	dir := t.TempDir()
	savedRun(t, dir, "a run", 2, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		defer func() { _ = w.Close() }()
		ended <- run(ctx, []string{"view", dir, "--listen", "127.0.0.1:0"}, strings.NewReader(""), w, io.Discard)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line[strings.Index(line, "http://"):])
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || !strings.Contains(string(body), "a run") {
		t.Errorf("the list: %v\n%s", err, body)
	}
	// A second viewer cannot have the same address, and says what to do.
	if _, errs, code := throng(t, "view", dir, "--listen", strings.Trim(strings.TrimPrefix(address, "http://"), "/")); code != exitUsage || !strings.Contains(errs, "--listen") {
		t.Errorf("an address in use: exit code %d, %s", code, errs)
	}
	cancel()
	if code := <-ended; code != exitPass {
		t.Errorf("exit code %d after the interrupt", code)
	}
	if _, errs, code := throng(t, "view", filepath.Join(dir, "none")); code != exitUsage || !strings.Contains(errs, "no such directory") {
		t.Errorf("no directory: exit code %d, %s", code, errs)
	}
}
