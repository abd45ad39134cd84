package main

import (
	"io"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
)

func limits(args ...string) (opts server.Options, err error) {
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	for _, group := range []string{"Times", "Limits"} {
		optionFlags(f, &opts, group)
	}
	return opts, f.Parse(args)
}

func TestOptionFlags(t *testing.T) {
	got, err := limits("--max-sessions=1", "--max-payload=7", "--max-header=64KiB", "--max-partial=1.5GiB", "--message-timeout=9", "--queue-packets=10", "--queue-bytes=11kB", "--write-timeout=12s")
	want := server.Options{
		Times:  server.Times{MessageTimeout: 9 * time.Millisecond, WriteTimeout: 12 * time.Second},
		Limits: server.Limits{MaxSessions: 1, MaxPayload: 7, MaxHeader: 64 << 10, MaxPartial: 3 << 29, QueuePackets: 10, QueueBytes: 11000},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := limits(); err != nil || !reflect.DeepEqual(got, server.Options{}) {
		t.Errorf("without flags: %+v, %v", got, err)
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

// The help lists each flag once, under a heading, with its default.
func TestServeHelp(t *testing.T) {
	out, _, _ := throng(t, "serve", "--help")
	serveCommand().Flags().VisitAll(func(f *pflag.Flag) {
		if n := len(regexp.MustCompile(`(?m)^ {6}--`+f.Name+`( |$)`).FindAllString(out, -1)); n != 1 {
			t.Errorf("--%s is told %d times", f.Name, n)
		}
	})
	_, limits, _ := strings.Cut(out, "\nLimits:\n")
	limits, others, _ := strings.Cut(limits, "\n\n")
	for _, want := range []string{"no limit)", "(default 65536)", "(default 4MiB)", "(default 1MB)"} {
		if !strings.Contains(limits, want) {
			t.Errorf("%q is not told of the limits:\n%s", want, limits)
		}
	}
	_, others, _ = strings.Cut(others, "\nOther flags:\n")
	others, _, _ = strings.Cut(others, "\n\n")
	if n := strings.Count(others, " --"); n != 2 {
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

// An option that the server refuses is called by the name of its flag.
func TestFlagOfOption(t *testing.T) {
	serve := serveCommand().Flags()
	for option, want := range map[string]string{
		"Times.PingTimeout": "ping-timeout", "Limits.QueueBytes": "queue-bytes", "Recovery.MaxDisconnection": "recovery", "CORS.Origins": "cors-origin",
		"CORS.Credentials": "cors-credentials", "Cookie.Name": "cookie", "Client": "client-dir", "Hosts": "allowed-host", "HealthPath": "health-path",
		"AllowEIO3": "allow-eio3", "AllowJSONP": "allow-jsonp", "NoHTTPCompression": "no-http-compression", "NoTrailingSlash": "no-trailing-slash", "NoIOUring": "no-io-uring",
	} {
		if got := flagOf(option); got != want || serve.Lookup(got) == nil {
			t.Errorf("%s: --%s, want --%s", option, got, want)
		}
	}
	err := namingFlags(&server.OptionError{Option: "Times.PingTimeout", Problem: "is -1s; it must not be negative"})
	if err == nil || err.Error() != "--ping-timeout is -1s; it must not be negative" {
		t.Errorf("got %v", err)
	}
}

// Every option that has a help has a flag.
func TestOptionsHaveFlags(t *testing.T) {
	serve := serveCommand().Flags()
	for field := range reflect.TypeFor[server.Options]().Fields() {
		fields := []reflect.StructField{field}
		if field.Type.Kind() == reflect.Struct {
			fields = slices.Collect(field.Type.Fields())
		}
		for _, f := range fields {
			if help := f.Tag.Get("help"); help != "" && (serve.Lookup(flagOf(f.Name)) == nil || !strings.HasPrefix(serve.Lookup(flagOf(f.Name)).Usage, help)) {
				t.Errorf("%s has no flag --%s", f.Name, flagOf(f.Name))
			}
		}
	}
}
