package livepage

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp refreshes the Date header for the life of the process, and the cleaner of a server's workers looks up only every
		// ten seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

const patient = 30 * time.Second

// A viewer is a client of the page.
type viewer chan received

type received struct {
	name    string
	message struct {
		State  board.State
		Points []board.Point
		Name   string
		HTML   string
	}
}

func (v viewer) Event(m *client.Message) {
	r := received{name: string(m.Name)}
	_ = json.Unmarshal(m.Args, &r.message)
	v <- r
}

func (v viewer) Ack(*client.Message) {}

// next waits for an event.
func (v viewer) next(t *testing.T, name string) received {
	t.Helper()
	deadline := time.After(patient)
	for {
		select {
		case r := <-v:
			if r.name == name {
				return r
			}
		case <-deadline:
			t.Fatalf("waited in vain for %q", name)
		}
	}
}

// A page whose address was not to be had is closed as one that was served.
func TestCloseUnserved(t *testing.T) {
	p, err := New(board.New("a-run", ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func serve(t *testing.T, b *board.Board) (p *Page, url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err = New(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Serve(ln)
	return p, "http://" + ln.Addr().String()
}

// join connects a viewer until the test ends or the page says goodbye.
func join(t *testing.T, url string) (viewer, error) {
	t.Helper()
	c, err := client.Dial(t.Context(), &client.Config{URL: url})
	if err != nil {
		return nil, err
	}
	v, done := make(viewer, 1000), make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(v) // it ends because one side closes
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return v, nil
}

func progress(second int) scenario.Progress {
	return scenario.Progress{
		Cell: 1, Cells: 1, Trial: 1, Phase: "hold", Phases: 1, Recording: true, Metric: "delivery", Seconds: second,
		Second: result.Second{T: float64(second - 1), Held: second},
	}
}

// Who comes late sees all there was, and from then on what is new; in the end the report.
func TestViewers(t *testing.T) {
	b := board.New("a-run", "")
	p, url := serve(t, b)
	early, err := join(t, url)
	if err != nil {
		t.Fatal(err)
	}
	if m := early.next(t, "all").message; m.State.Name != "a-run" || m.State.Stage != board.Starting || len(m.Points) != 0 {
		t.Errorf("before the run: %+v", m)
	}
	for i := range 20 {
		b.Update(progress(i + 1))
	}
	late, err := join(t, url)
	if err != nil {
		t.Fatal(err)
	}
	if m := late.next(t, "all").message; len(m.Points) != 20 || m.Points[0].T != 0 || m.State.Last.Held != 20 {
		t.Errorf("a late viewer gets %d points: %+v", len(m.Points), m)
	}
	for _, v := range []viewer{early, late} {
		for {
			if m := v.next(t, "now").message; len(m.Points) == recent && m.Points[recent-1].T == 19 && m.State.Epoch == 1 {
				break
			}
		}
	}
	second := board.New("another", "")
	p.Show(second)
	for early.next(t, "now").message.State.Name != "another" {
	}
	second.End(result.Fail, "p99(delivery) < 1ms: 2ms", "out/another/report.html")
	p.Report([]byte("<p>the report</p>"))
	for {
		if s := late.next(t, "now").message.State; s.Done {
			if s.Verdict != result.Fail || s.Report != "out/another/report.html" {
				t.Errorf("in the end: %+v", s)
			}
			break
		}
	}
	p.Close()
	if m := late.next(t, "report").message; m.Name != "another" || m.HTML != "<p>the report</p>" {
		t.Errorf("the report: %+v", m)
	}
}

func TestPage(t *testing.T) {
	p, url := serve(t, board.New("a-run", ""))
	defer p.Close()
	get := func(path, host string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(body)
	}
	answer, page := get("/", "")
	for _, part := range []string{"function take(", "--page:", `id="doubt"`, "s.doubt"} {
		if answer.StatusCode != http.StatusOK || !strings.Contains(page, part) {
			t.Errorf("%s, without %s:\n%s", answer.Status, part, page)
		}
	}
	for _, outside := range []string{"https://", "http://www", "socket.io.min.js"} {
		if i := strings.Index(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), outside); i >= 0 {
			t.Errorf("the page reaches outside: %q", outside)
		}
	}
	if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	if answer, _ := get("/", "evil.example"); answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host's name: %s", answer.Status)
	}
	if answer, _ := get("/elsewhere", "localhost"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("another path: %s", answer.Status)
	}
	// A page from elsewhere in the same browser may not listen in.
	_, err := client.Dial(t.Context(), &client.Config{URL: url, Header: map[string][]string{"Origin": {"http://evil.example"}}})
	if err == nil {
		t.Error("a websocket of another origin was accepted")
	}
}

// Close ends also a page that has only just begun.
func TestShort(t *testing.T) {
	for i := range 200 {
		p, _ := serve(t, board.New("a-run", ""))
		for begun := time.Now(); time.Since(begun) < time.Duration(i)*time.Microsecond; {
			continue // sometimes it is half begun then
		}
		p.Close()
	}
}

func TestManyViewers(t *testing.T) {
	p, url := serve(t, board.New("a-run", ""))
	defer p.Close()
	for i := range maxViewers {
		v, err := join(t, url)
		if err != nil {
			t.Fatal(fmt.Errorf("viewer %d: %w", i+1, err))
		}
		v.next(t, "all")
	}
	if _, err := join(t, url); err == nil || !strings.Contains(err.Error(), "too many viewers") {
		t.Errorf("one too many: %v", err)
	}
}
