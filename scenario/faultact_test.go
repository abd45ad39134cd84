package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/command"
	"github.com/throng-io/throng/scenario/result"
)

// executed replaces the processes of a run by a function.
func executed(f func(ctx context.Context, words []string) command.Result) func(*Options) {
	return func(o *Options) { o.AllowRun, o.execute = true, f }
}

// A command is executed at its phase; its output, code and time are in the result.
func TestFaultRunsACommand(t *testing.T) {
	t.Parallel()
	var words []string
	c := play(t, &fakeServer{}, withFault(`{run: [restart, "the chat"], within: 800ms}`, ""), executed(func(_ context.Context, w []string) command.Result {
		words = w
		time.Sleep(300 * time.Millisecond)
		return command.Result{Output: "stopped\n\x1b[31mstarted\n"}
	}))
	if c.Verdict != result.Pass {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	want := result.FaultAct{Phase: "cut", Kind: "run", Text: "restart 'the chat'", StartS: 1, EndS: 1.3, Output: `stopped\n\x1b[31mstarted`}
	if len(c.Acts) != 1 || c.Acts[0] != want || !slices.Equal(words, []string{"restart", "the chat"}) {
		t.Errorf("%+v, want %+v; words %q", c.Acts, want, words)
	}
	if i := slices.IndexFunc(c.Phases, func(p result.Phase) bool { return p.Fault == "run" }); i != 2 {
		t.Errorf("phases %+v", c.Phases)
	}
}

// A command that fails makes the trial invalid, with the reason.
func TestFaultThatDoesNotHappen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		execute func(ctx context.Context) command.Result
		want    string
	}{
		"exit code": {
			execute: func(context.Context) command.Result {
				return command.Result{Code: 3, Output: "no such unit\n", Err: errors.New("exit code 3")}
			},
			want: "the fault in cut did not happen: restart chat: exit code 3: no such unit",
		},
		"too long": {
			execute: func(ctx context.Context) command.Result {
				<-ctx.Done()
				return command.Result{Code: -1, Err: context.Cause(ctx)}
			},
			want: "the fault in cut did not happen: restart chat: it had not ended after 500 ms",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := play(t, &fakeServer{}, withFault(`{run: [restart, chat], within: 500ms}`, ""), executed(func(ctx context.Context, _ []string) command.Result { return test.execute(ctx) }))
			if c.Verdict != result.Invalid || c.Reason != test.want {
				t.Errorf("%s: %s, want %s", c.Verdict, c.Reason, test.want)
			}
		})
	}
}

// Each target is restarted in turn: not before the one before is done, and not earlier than asked.
const rolling = `
version: 1
name: t
targets: ["http://127.0.0.1:1", "http://127.0.0.2:2", "http://[::1]:3"]
groups:
  all: {count: 3, connect: {rate: 10k/s}, reconnect: {}}
phases:
  - {name: hold, for: 1s}
  - {name: roll, for: LENGTH, fault: {rolling: {run: [restart, "${target.index}", "${target.host}", "${target.url}"], every: 500ms, within: LENGTH}}}
  - {name: after, for: 500ms}
`

func TestRollingFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		length  string
		takes   []time.Duration // of each
		starts  []float64       // of each
		verdict result.Verdict
		reason  string
	}{
		"all":             {length: "4s", takes: []time.Duration{100 * time.Millisecond, 900 * time.Millisecond, 0}, starts: []float64{1, 1.5, 2.4}, verdict: result.Pass},
		"one fails":       {length: "4s", takes: []time.Duration{0, -1, 0}, starts: []float64{1, 1.5}, verdict: result.Invalid, reason: "the fault in roll did not happen: restart 1 127.0.0.2 http://127.0.0.2:2: exit code 1"},
		"no time is left": {length: "700ms", takes: []time.Duration{0, 100 * time.Millisecond, 0}, starts: []float64{1, 1.5, 1.7}, verdict: result.Invalid, reason: "the phase ended before it was the turn of http://[::1]:3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got [][]string
			execute := executed(func(_ context.Context, words []string) command.Result {
				got = append(got, words)
				if d := test.takes[len(got)-1]; d >= 0 {
					time.Sleep(d)
					return command.Result{}
				}
				return command.Result{Code: 1, Err: errors.New("exit code 1")}
			})
			c := play(t, &fakeServer{}, strings.ReplaceAll(rolling, "LENGTH", test.length), execute, func(o *Options) { o.Target = "" })
			var starts []float64
			for _, a := range c.Acts {
				starts = append(starts, a.StartS)
			}
			if c.Verdict != test.verdict || !strings.Contains(c.Reason, test.reason) || !slices.Equal(starts, test.starts) {
				t.Errorf("%s: %s; starts %v, want %v", c.Verdict, c.Reason, starts, test.starts)
			}
			want := [][]string{{"restart", "0", "127.0.0.1", "http://127.0.0.1:1"}, {"restart", "1", "127.0.0.2", "http://127.0.0.2:2"}, {"restart", "2", "::1", "http://[::1]:3"}}
			if fmt.Sprint(got) != fmt.Sprint(want[:len(got)]) {
				t.Errorf("%q", got)
			}
		})
	}
}

// Nothing of a file is executed without the user's consent, and nothing is measured.
func TestCommandsNeedConsent(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("test.yaml", []byte(withFault(`{run: [rm, -rf, "/some place"]}`, "")), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{}
	_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", dial: s.dial, execute: func(context.Context, []string) command.Result {
		t.Error("it was executed")
		return command.Result{}
	}})
	const want = "the scenario executes commands on this machine: the phase cut runs rm -rf '/some place'; read them, and add --allow-run if you trust the file"
	if refused, ok := errors.AsType[*CommandError](err); !ok || refused.Error() != want || s.dials > 0 {
		t.Errorf("%v after %d connections, want %s", err, s.dials, want)
	}
}

// Who starts a run on a fleet executes its commands; agents execute nothing.
func TestAgentsExecuteNothing(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	c := play(t, &fakeServer{}, withFault(`{run: [restart, chat]}`, ""), executed(func(context.Context, []string) command.Result {
		n.Add(1)
		return command.Result{}
	}), onFleet(2))
	if c.Verdict != result.Pass || len(c.Acts) != 1 || n.Load() != 1 {
		t.Errorf("%s: %s; %d executed, acts %+v", c.Verdict, c.Reason, n.Load(), c.Acts)
	}
}

// Secrets reach the command and the request, and nothing else.
func TestSecretsOfActs(t *testing.T) {
	t.Setenv("THRONG_TEST_KEY", "s3cret'key")
	var words []string
	c := play(t, &fakeServer{}, withFault(`{run: [restart, "--key=${env.THRONG_TEST_KEY}"]}`, ""), executed(func(_ context.Context, w []string) command.Result {
		words = w
		return command.Result{Output: "the key s3cret'key is right"}
	}))
	if len(words) != 2 || words[1] != "--key=s3cret'key" {
		t.Errorf("words %q", words)
	}
	if a := c.Acts[0]; a.Text != "restart '--key=***'" || a.Output != "the key *** is right" {
		t.Errorf("%+v", a)
	}
}

// A request is made to a path of the target or to a URL, and judged by its status.
func TestFaultMakesARequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		asked = append(asked, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Key"), body))
		if r.URL.Path == "/teapot" {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprint(w, "as you like")
	}))
	defer s.Close()
	for _, test := range []struct {
		fault  string
		asked  string
		code   int
		err    string
		output string
	}{
		{`{http: {post: /slow, body: {on: true, by: 2}, headers: {X-Key: k}}}`, `POST /slow k {"on":true,"by":2}`, 200, "", "as you like"},
		{`{http: {get: "URL/teapot"}}`, `GET /teapot  `, 418, "HTTP status 418", "as you like"},
		{`{http: {delete: "URL/teapot", status: 418}}`, `DELETE /teapot  `, 418, "", "as you like"},
		{`{http: {put: /x, status: 204}}`, `PUT /x  `, 200, "HTTP status 200", "as you like"},
	} {
		tr, f := faultOfTrial(t, strings.ReplaceAll(test.fault, "URL", s.URL), s.URL)
		f.act()
		got := tr.acts.all()
		if len(got) != 1 || got[0].Code != test.code || got[0].Error != test.err || got[0].Output != test.output || asked[len(asked)-1] != test.asked {
			t.Errorf("%s: %+v, asked %q", test.fault, got, asked)
		}
	}
	// No answer at all.
	tr, f := faultOfTrial(t, `{http: {get: "http://127.0.0.1:1/"}}`, s.URL)
	f.act()
	if got := tr.acts.all(); len(got) != 1 || got[0].Code != -1 || !strings.Contains(got[0].Error, "refused") {
		t.Errorf("%+v", got)
	}
}

// faultOfTrial is a fault of a trial that has just begun, in a phase that lasts an hour.
func faultOfTrial(t *testing.T, text, url string) (*trial, *fault) {
	t.Helper()
	f, err := file.Parse("test.yaml", []byte(strings.Replace(withFault(text, ""), "for: 1s, fault", "for: 1h, fault", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Cells()[0]
	tr := newTrial(&c, &Endpoint{URL: url}, nil, Options{}, place{0, 1, 0})
	t.Cleanup(tr.http.close)
	tr.life.ctx, tr.life.epoch = t.Context(), client.Now()
	for i := range tr.spec.Phases {
		if x := tr.spec.Phases[i].Fault; x != nil {
			return tr, newFault(tr, &tr.tl.Spans[i], x)
		}
	}
	t.Fatal("the scenario has no fault")
	return nil, nil
}
