package main

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
)

func limits(args ...string) (opts server.Options, err error) {
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	limitFlags(f, &opts)
	return opts, f.Parse(args)
}

func TestLimitFlags(t *testing.T) {
	got, err := limits(
		"--max-sessions=1", "--max-pending=2", "--max-per-address=3", "--max-handshakes=4", "--max-namespaces=5", "--max-rooms=6", "--max-room-name=8", "--max-room-bytes=9kB",
		"--max-payload=7", "--max-header=64KiB", "--max-partial=1.5GiB", "--message-timeout=9", "--queue-packets=10", "--queue-bytes=11kB", "--write-timeout=12s",
	)
	want := server.Options{
		MaxSessions: 1, MaxPending: 2, MaxPerAddress: 3, MaxHandshakes: 4, MaxNamespaces: 5, MaxRooms: 6, MaxRoomName: 8, MaxRoomBytes: 9000,
		MaxPayload: 7, MaxHeader: 64 << 10, MaxPartial: 3 << 29, MessageTimeout: 9 * time.Millisecond, QueuePackets: 10, QueueBytes: 11000, WriteTimeout: 12 * time.Second,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wrong := range []string{
		"--max-sessions=0", "--max-sessions=-1", "--max-sessions=1k", "--max-pending=", "--queue-bytes=0", "--queue-bytes=-1", "--queue-bytes=1.5B", "--queue-bytes=",
		"--queue-bytes=4m", "--queue-bytes=4M", "--max-partial=999999999999GiB", "--write-timeout=0", "--write-timeout=-1s", "--message-timeout=soon",
	} {
		if _, err := limits(wrong); err == nil || !strings.Contains(err.Error(), "write a") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// The help tells each flag once, under a heading, with what holds without it.
func TestServeHelp(t *testing.T) {
	var out bytes.Buffer
	cmd := serveCommand()
	cmd.SetArgs([]string{"--help"})
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if n := strings.Count(out.String(), "    --"+f.Name+" ") + strings.Count(out.String(), ", --"+f.Name+" "); n != 1 {
			t.Errorf("--%s is told %d times", f.Name, n)
		}
	})
	_, limits, _ := strings.Cut(out.String(), "\nLimits:\n")
	limits, others, _ := strings.Cut(limits, "\n\n")
	for _, want := range []string{"no limit)", "(default 65536)", "(default 4MiB)", "(default 1m0s)"} {
		if !strings.Contains(limits, want) {
			t.Errorf("%q is not told of the limits:\n%s", want, limits)
		}
	}
	_, others, _ = strings.Cut(others, "\nOther flags:\n")
	if n := strings.Count(others, "--"); n != 2 {
		t.Errorf("flags without a heading:\n%s", others)
	}
}

// The limits reach the server.
func TestServeLimits(t *testing.T) {
	url := serveHere(t, "--max-sessions", "1")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, want := range []string{`0{"sid":`, `{"code":4,"message":"too many sessions"}`} {
		resp, err := client.Get(url + "/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.HasPrefix(string(body), want) {
			t.Errorf("got %s, %v, want %s", body, err, want)
		}
	}
}
