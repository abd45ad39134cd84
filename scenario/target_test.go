package scenario

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
)

// What --target leaves out is as in the file.
func TestEndpointOfATarget(t *testing.T) {
	in := func(target string) *file.Spec {
		f, err := file.Parse("t.yaml", []byte("version: 1\nname: t\ngroups: {a: {count: 1}}\n"+target), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f.Cells()[0].Spec
	}
	const there = "target: {url: \"http://there:1\", path: /ws/v1, sample: {pid: 7}}"
	for _, test := range []struct {
		file      string
		opt       Options
		url, path string
		pid       int
	}{
		{there, Options{}, "http://there:1", "/ws/v1/", 7},
		{there, Options{Target: "http://here:2"}, "http://here:2", "/ws/v1/", 7},
		{there, Options{Target: "http://here:2", Path: "/x/"}, "http://here:2", "/x/", 7},
		{"", Options{Target: "http://here:2"}, "http://here:2", "", 0},
	} {
		ep, builtIn, err := endpoint(t.Context(), in(test.file), test.opt)
		if err != nil || builtIn || ep.URL != test.url || ep.Path != test.path || ep.PID != test.pid {
			t.Errorf("%s and %q: %+v, %v", test.file, test.opt.Target+test.opt.Path, ep, err)
		}
	}
}

func TestTargetErrorsSayWhatToDo(t *testing.T) {
	for class, want := range map[string]string{"refused": "check that it runs", "tls": "--set target.tls.ca=FILE", "connect_error": "the target http://there:1 refused the first client: no; check auth, query, headers, namespace and before of its group"} {
		var err error = &TargetError{URL: "http://there:1", Err: &client.DialError{Stage: "namespace", Class: class, Err: errors.New("no")}}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	var tls error = &TargetError{URL: "http://there:1", Err: &client.DialError{Stage: "open", Class: "closed", Err: errors.New("EOF")}}
	if !strings.Contains(tls.Error(), "write https://") {
		t.Error(tls)
	}
	for want, cause := range map[string]*client.DialError{
		"cannot be reached: namespace: closed: transport close; ": {Stage: "namespace", Class: "closed", Err: &client.CloseError{Reason: client.TransportClose}},
		"cannot be reached: dial unix /none: no such file or directory; check that it runs": {
			Stage: "tcp", Class: "other",
			Err: &net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: "/none", Net: "unix"}, Err: syscall.ENOENT},
		},
		"cannot be reached: open: timeout; it took the connection and did not answer": {Stage: "open", Class: "timeout", Err: context.DeadlineExceeded},
		"cannot be reached: no host is known by the name nohost.invalid; check the name of the host": {
			Stage: "tcp", Class: "dns",
			Err: &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nohost.invalid", Server: "10.0.0.53:53", IsNotFound: true}},
		},
	} {
		if err := (&TargetError{URL: "http://there:1", Err: cause}); !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	here := httptest.NewServer(http.NotFoundHandler())
	defer here.Close()
	_, err := client.Dial(t.Context(), &client.Config{URL: strings.Replace(here.URL, "http:", "https:", 1)})
	if err = (&TargetError{Err: err}); !strings.Contains(err.Error(), "write http://") {
		t.Error(err)
	}
}

// A target that answers as something else is not called unreachable, over any transport.
func TestTargetAnswersAsSomethingElse(t *testing.T) {
	for text, transports := range map[string][]string{
		"hello":              {client.WebSocket, client.Polling, client.Upgrade},
		"<!doctype html><p>": {client.Polling},
		"":                   {client.WebSocket, client.Polling, client.Upgrade}, // nothing is there
	} {
		url := handled(t, func(w http.ResponseWriter, _ *http.Request) {
			if text == "" {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = io.WriteString(w, text)
		})
		for _, transport := range transports {
			_, err := client.Dial(t.Context(), &client.Config{URL: url, Transport: transport})
			got := (&TargetError{URL: url, Err: err}).Error()
			if !strings.HasPrefix(got, "the target "+url+" answers, but not as Socket.IO: open: ") || !strings.Contains(got, "--set target.path=/PATH/") {
				t.Errorf("%s: %s", transport, got)
			}
		}
		_, err := client.Dial(t.Context(), &client.Config{URL: url, Protocol: client.Events})
		if got := (&TargetError{URL: url, Err: err}).Error(); !strings.Contains(got, "cannot be reached") || strings.Contains(got, "Socket.IO") {
			t.Error(got)
		}
	}
}
