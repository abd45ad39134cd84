package scenario

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/command"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// acts hold the commands and requests of the user's that faults of a trial have executed.
type acts struct {
	mu     sync.Mutex
	list   []result.FaultAct
	missed string // the phase of a fault to which the generator did not come in time; "": to all
}

// maxActOutput is how many bytes a result has of the output of a command or the body of an answer.
const maxActOutput = 2 << 10

func (x *acts) add(a result.FaultAct) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = append(x.list, a)
}

// miss notes a fault that did not happen, or not in full, since the generator was late.
func (x *acts) miss(phase string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.missed = cmp.Or(x.missed, phase)
}

// all returns what has been executed, in order of time.
func (x *acts) all() []result.FaultAct {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]result.FaultAct(nil), x.list...)
}

// failure says why a fault did not happen as the scenario describes it; "" when all did.
func (x *acts) failure() string {
	for _, a := range x.all() {
		if a.Error == "" {
			continue
		}
		text := fmt.Sprintf("the fault in %s did not happen: %s: %s", a.Phase, a.Text, a.Error)
		if a.Output != "" {
			text += ": " + result.Short(a.Output, 200)
		}
		return text
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.missed != "" {
		return fmt.Sprintf("the fault in %s did not happen, or not in full: the generator was too far behind its schedule", x.missed)
	}
	return ""
}

// act executes the fault's command or request, once or for each target in turn. It stops after one
// that failed, as a deployment does.
func (f *fault) act() {
	t, a := f.t, f.spec.Act
	end, cancel := context.WithTimeoutCause(t.life.ctx, time.Duration(f.phase.End-t.now()), errors.New("it had not ended when its phase did"))
	defer cancel()
	if !a.Rolling {
		f.execute(end, nil)
		return
	}
	for i := range t.server.urls {
		began := t.now()
		if !f.execute(end, &i) || i == len(t.server.urls)-1 {
			return
		}
		pause := time.NewTimer(max(0, a.Every-time.Duration(t.now()-began)))
		select {
		case <-pause.C:
		case <-end.Done():
		}
		pause.Stop()
		if end.Err() != nil && t.life.ctx.Err() == nil {
			now := float64(t.now()) / 1e9
			t.acts.add(result.FaultAct{
				Phase: f.phase.Name, Kind: f.spec.Kind(), Text: t.spec.Secrets.Mask(a.Text()), Node: t.server.urls[i+1], Code: -1, StartS: now, EndS: now,
				Error: "the phase ended before it was the turn of " + t.server.urls[i+1],
			})
			return
		}
	}
}

// execute does it once, for the target at a place, and reports whether that succeeded. node is nil
// for a fault that is not rolling.
func (f *fault) execute(end context.Context, node *int) bool {
	t, a := f.t, f.spec.Act
	if t.life.ctx.Err() != nil {
		return false // the trial was cut short: its result says so
	}
	ctx := end
	if a.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(end, a.Within, fmt.Errorf("it had not ended after %s", metric.FormatDuration(a.Within)))
		defer cancel()
	}
	x := &actFill{t: t, node: node}
	done := result.FaultAct{Phase: f.phase.Name, Kind: f.spec.Kind(), Code: -1, StartS: float64(t.now()) / 1e9}
	if node != nil {
		done.Node = t.server.urls[*node]
	}
	var err error
	if a.HTTP != nil {
		done.Text = a.HTTP.Method + " " + x.text(a.HTTP.URL)
		done.Code, done.Output, err = t.requestOf(ctx, a.HTTP, x)
	} else {
		words, shown := make([]string, len(a.Run)), make([]string, len(a.Run))
		for i := range a.Run {
			words[i] = x.text(a.Run[i])
			shown[i] = t.spec.Secrets.Mask(words[i]) // before quotes change it
		}
		done.Text = file.CommandLine(shown)
		var r command.Result
		if err = end.Err(); err == nil {
			r = t.opt.execute(ctx, words)
			done.Code, done.Output, err = r.Code, r.Output, r.Err
		}
	}
	if cause := context.Cause(ctx); err != nil && ctx.Err() != nil {
		err = cause
	}
	done.EndS = float64(t.now()) / 1e9
	if err != nil {
		done.Error = err.Error()
	}
	if t.life.ctx.Err() != nil && err != nil {
		done.Error = "" // as above
	}
	done.Output = visible(t.spec.Secrets.Mask(done.Output))
	done.Text, done.Error = t.spec.Secrets.Mask(done.Text), t.spec.Secrets.Mask(done.Error)
	t.acts.add(done)
	return err == nil
}

// visible is the beginning of an output in one line.
func visible(text string) string {
	return result.Short(strings.TrimRight(text, " \r\n\t"), maxActOutput)
}

// An actFill fills the templates of a command or request.
type actFill struct {
	t    *trial
	node *int // index of the target that it acts on; nil: none
}

func (x *actFill) text(t file.Template) string { return string(t.Append(nil, x.append)) }

func (x *actFill) append(dst []byte, h file.Hole) []byte {
	if d, secret := x.t.spec.Secrets.Lookup(h.Name); secret {
		return d.Append(dst, h.Form)
	}
	if x.node == nil {
		return dst
	}
	at := x.t.server.urls[*x.node]
	switch h.Name {
	case file.HoleTargetIndex:
		return strconv.AppendInt(dst, int64(*x.node), 10)
	case file.HoleTargetURL:
		return appendText(dst, at, h.Form)
	case file.HoleTargetHost:
		if u, err := url.Parse(at); err == nil {
			at = u.Hostname()
		}
		return appendText(dst, at, h.Form)
	}
	return dst
}

// requestOf makes one request, to a path of the target or to a URL.
func (t *trial) requestOf(ctx context.Context, spec *file.HTTP, x *actFill) (status int, body string, err error) {
	base := t.http.base
	if x.node != nil {
		if base, err = url.Parse(httpBase(t.server.urls[*x.node])); err != nil {
			return -1, "", err
		}
	}
	to, err := base.Parse(x.text(spec.URL))
	if err != nil {
		return -1, "", err
	}
	var in io.Reader
	if !spec.Body.IsZero() {
		in = bytes.NewReader(spec.Body.Append(nil, x.append))
	}
	req, err := http.NewRequestWithContext(ctx, spec.Method, to.String(), in)
	if err != nil {
		return -1, "", err
	}
	if in != nil {
		req.Header.Set("Content-Type", spec.Content)
	}
	for _, h := range spec.Headers {
		req.Header.Set(h.Name, x.text(h.Value))
	}
	asker := http.Client{Transport: t.http.transport}
	if spec.Stay {
		asker.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	res, err := asker.Do(req)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) { // the text has the URL already
			err = e.Err
		}
		return -1, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, command.MaxOutput))
	if wrong := res.StatusCode != spec.Status; err == nil && wrong && (spec.Status != 0 || res.StatusCode >= http.StatusBadRequest) {
		err = fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	return res.StatusCode, string(text), err
}

// httpBase is a target's address for requests over HTTP.
func httpBase(target string) string {
	return strings.TrimSuffix(strings.NewReplacer("ws://", "http://", "wss://", "https://").Replace(target), "/")
}
