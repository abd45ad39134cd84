package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The manifests of the manual start this program with flags that it has.
func TestManifests(t *testing.T) {
	dir := filepath.Join("..", "..", "scenario", "fleet", "kubernetes")
	variable := regexp.MustCompile(`\$\([A-Z]+\)`)
	for file, command := range map[string]string{"agents.yaml": "agent", "run.yaml": "run"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct{ Args []string }
					}
				}
			}
		}
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		containers := object.Spec.Template.Spec.Containers
		if len(containers) != 1 || len(containers[0].Args) == 0 {
			t.Fatalf("%s: %d containers", file, len(containers))
		}
		var args []string
		for _, a := range containers[0].Args {
			args = append(args, variable.ReplaceAllString(a, "x"))
		}
		cmd, rest, err := newRoot().Find(args)
		if err != nil || cmd.Name() != command {
			t.Errorf("%s: %v, the command is %s", file, err, cmd.Name())
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// What is wrong with a fleet's flags is said in one line.
func TestFleetUsage(t *testing.T) {
	t.Setenv("NATS_URL", "")
	for args, want := range map[string]string{
		"agent":                          "--nats is missing; write the address of a NATS server",
		"fleet":                          "--nats is missing; write the address of a NATS server",
		"agent --nats 10.0.0.1:4222":     `"10.0.0.1:4222" is not the address of a NATS server; write nats://HOST:4222`,
		"agent --nats http://u:secret@x": `"http://***@x" is not the address of a NATS server`,
		"fleet --nats nats://u:secret@127.0.0.1:1":             "cannot connect to NATS at nats://***@127.0.0.1:1",
		"agent --nats nats://x:1 --label zone":                 `the label "zone" is not KEY=VALUE`,
		"agent --nats nats://x:1 --accept key":                 "--accept key is not the public key of a controller; 'throng fleet key FILE' prints it",
		"agent --nats nats://x:1 --name a*b":                   `the name "a*b" is not of up to 64 letters`,
		"run quickstart --agents 0":                            "--agents 0 is no number of processes",
		"run quickstart --agents -1":                           "--agents -1 is no number of processes",
		"run quickstart --identity k":                          "--identity is the key for agents of a fleet; it needs --nats URL",
		"run quickstart --nats nats://127.0.0.1:1":             "cannot connect to NATS at nats://127.0.0.1:1",
		"run quickstart --nats nats://x:1 --identity /nowhere": "the identity: stat /nowhere",
	} {
		var stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(args), strings.NewReader(""), io.Discard, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("throng %s: code %d, %q does not say %q", args, code, stderr.String(), want)
		}
	}
}

// natsHere is the address of a NATS server, for the length of the test.
func natsHere(t *testing.T) string {
	t.Helper()
	url, over, served := make(chan string), make(chan struct{}), make(chan error, 1)
	go func() {
		served <- runNATS(func(u string, _ int) {
			url <- u
			<-over
		})
	}()
	select {
	case u := <-url:
		t.Cleanup(func() {
			close(over)
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
		return u
	case err := <-served:
		t.Fatal(err)
		return ""
	}
}

// stopAt ends something when it is written a text.
type stopAt struct {
	text string
	stop func()
	all  bytes.Buffer
}

func (s *stopAt) Write(b []byte) (int, error) {
	s.all.Write(b)
	if strings.Contains(s.all.String(), s.text) {
		s.stop()
	}
	return len(b), nil
}

// Ctrl-C ends the wait for agents.
func TestInterruptWithoutAgents(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &stopAt{text: "waits for agents", stop: cancel}
	code := run(ctx, []string{"run", "quickstart", "--nats", natsHere(t), "--out", filepath.Join(t.TempDir(), "out")}, strings.NewReader(""), io.Discard, stderr)
	if code != exitInterrupted || !strings.HasSuffix(stderr.all.String(), "throng: interrupted before the first measurement\n") {
		t.Errorf("code %d: %s", code, &stderr.all)
	}
}

// The fleet is listed as a table and as JSON, and a key is never written over a file.
func TestFleet(t *testing.T) {
	t.Parallel()
	address := natsHere(t)
	ctx, stop := context.WithCancel(t.Context())
	said, tell := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"agent", "--nats", address, "--name=one", "--label=zone=a"}, strings.NewReader(""), tell, io.Discard)
	}()
	defer func() {
		stop()
		if code := <-ended; code != exitPass {
			t.Errorf("the agent ends with %d", code)
		}
	}()
	if first, err := bufio.NewReader(said).ReadString('\n'); err != nil || first != "the agent one is ready\n" {
		t.Errorf("it says %q, %v", first, err)
	}
	// An agent that does not answer within two seconds is not listed.
	listed := func(is func(list string) bool, flags ...string) {
		t.Helper()
		for tries := 1; ; tries++ {
			out, errs, code := throng(t, append([]string{"fleet", "--nats", address}, flags...)...)
			switch {
			case code != exitPass:
				t.Fatalf("code %d: %s", code, errs)
			case is(out):
				return
			case tries == 20:
				t.Fatalf("the list is\n%s", out)
			}
		}
	}
	listed(func(list string) bool {
		lines := strings.Split(strings.TrimSpace(list), "\n")
		return len(lines) == 2 && regexp.MustCompile(`^one +free +[0-9.]+ +[0-9 ]+ +the same +zone=a +`).MatchString(lines[1])
	})
	listed(func(list string) bool {
		var all []map[string]any
		return json.Unmarshal([]byte(list), &all) == nil && len(all) == 1 && all[0]["name"] == "one" && all[0]["state"] == "free"
	}, "--json")
	file := filepath.Join(t.TempDir(), "key")
	for i, want := range []int{exitPass, exitUsage} {
		if _, errs, code := throng(t, "fleet", "key", file); code != want {
			t.Errorf("key, time %d: code %d: %s", i, code, errs)
		}
	}
}
