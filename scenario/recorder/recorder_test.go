package recorder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/scenario/draft"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Messages are put together however they are framed and however the bytes come; too large ones and
// control frames are passed over.
func TestFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		var want []string
		for range rapid.IntRange(1, 6).Draw(t, "messages") {
			text := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "payload")
			op := websocket.Text
			if rapid.Bool().Draw(t, "binary") {
				op = websocket.Binary
			}
			want = append(want, fmt.Sprintf("%v %q", op == websocket.Text, text))
			rest, parts := text, rapid.IntRange(1, 3).Draw(t, "fragments")
			for i := range parts {
				part := rest
				if i < parts-1 {
					part = rest[:rapid.IntRange(0, len(rest)).Draw(t, "cut")]
				}
				rest = rest[len(part):]
				h := websocket.Header{Opcode: op, Final: i == parts-1, Length: uint64(len(part))}
				if rapid.Bool().Draw(t, "masked") {
					h.Masked, h.Key = true, [4]byte{1, 200, 3, 77}
				}
				wire = h.Append(wire)
				body := bytes.Clone(part)
				if h.Masked {
					websocket.Mask(body, h.Key)
				}
				wire = append(wire, body...)
				op = websocket.Continuation
				if rapid.Bool().Draw(t, "ping") {
					wire = append(websocket.Header{Opcode: websocket.Ping, Final: true, Length: 2}.Append(wire), "hi"...)
				}
			}
		}
		var got []string
		f := &frames{tooLarge: func() { t.Error("a message is too large") }, whole: func(text bool, data []byte) { got = append(got, fmt.Sprintf("%v %q", text, data)) }}
		for len(wire) > 0 {
			n := rapid.IntRange(1, len(wire)).Draw(t, "bytes")
			f.take(wire[:n])
			wire = wire[n:]
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q, want %q", got, want)
		}
	})
	n, large := 0, 0
	f := &frames{whole: func(bool, []byte) { n++ }, tooLarge: func() { large++ }}
	f.take(websocket.Header{Opcode: websocket.Text, Final: true, Length: maxBody + 1}.Append(nil))
	for range maxBody>>16 + 1 {
		f.take(make([]byte, 1<<16))
	}
	if n != 0 || large != 1 || cap(f.message) > maxBody {
		t.Errorf("a message that is too large is kept, or not said: %d, %d, %d bytes", n, large, cap(f.message))
	}
}

// v3 is a polling body of revision 3.
func v3(packets ...string) (body string) {
	for _, p := range packets {
		body += fmt.Sprintf("%d:%s", len(p), p)
	}
	return body
}

// backend answers polls of revision 4 and 3 from a script, and shows what it was asked.
func backend(t *testing.T) (target *httptest.Server, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, fmt.Sprintf("%s %s %s origin=%s host=%s encoding=%s", r.Method, r.URL.RequestURI(), body, r.Header.Get("Origin"), r.Host, r.Header.Get("Accept-Encoding")))
		q := r.URL.Query()
		http.SetCookie(w, &http.Cookie{Name: "node", Value: "n1", Domain: "example.org", Secure: true, HttpOnly: true, Path: "/"})
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "http://"+r.Host+"/there?x=1", http.StatusFound)
		case r.Method == http.MethodPost:
			_, _ = w.Write([]byte("ok"))
		case q.Get("sid") == "" && q.Get("EIO") == "4":
			_, _ = w.Write([]byte(`0{"sid":"four","upgrades": [ "websocket","webtransport" ],"pingInterval":25000,"pingTimeout":20000}`))
		case q.Get("sid") == "" && q.Get("EIO") == "3":
			_, _ = w.Write([]byte(v3(`0{"sid":"three","pingInterval":25000,"pingTimeout":20000}`, "40")))
		case q.Get("EIO") == "4":
			_, _ = w.Write([]byte(`40{"sid":"s"}` + "\x1e" + `42["said","a text of four"]`))
		default:
			_, _ = w.Write([]byte(v3(`42["said","text of three"]`)))
		}
	}))
	t.Cleanup(s.Close)
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
}

// Polling passes through unchanged, apart from what a proxy for development must change, and is
// recorded for both revisions.
func TestPollingIsRecorded(t *testing.T) {
	target, asked := backend(t)
	u, err := url.Parse(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	rec := New(Options{Target: u})
	t.Cleanup(rec.Close)
	proxy := httptest.NewServer(rec)
	t.Cleanup(proxy.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	do := func(method, path, body string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, proxy.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", proxy.URL)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(text)
	}
	const four, three = "/socket.io/?EIO=4&transport=polling&key=1", "/socket.io/?EIO=3&transport=polling"
	res, text := do("GET", four, "")
	if text != `0{"sid":"four","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}` || res.Header.Get("Set-Cookie") != "node=n1; Path=/; HttpOnly" {
		t.Errorf("%q %v", text, res.Header)
	}
	do("POST", four+"&sid=four", "40{\"token\":\"t\"}\x1e42[\"say\",\"a text of four\"]")
	if _, text = do("GET", four+"&sid=four", ""); !strings.Contains(text, "a text of four") {
		t.Errorf("%q", text)
	}
	do("GET", three, "")
	do("POST", three+"&sid=three", v3(`42["say","text of three"]`))
	do("GET", three+"&sid=three", "")
	do("POST", "/login", `{"name":"x"}`)
	if res, _ = do("GET", "/moved", ""); res.Header.Get("Location") != "/there?x=1" {
		t.Errorf("moved to %s", res.Header.Get("Location"))
	}
	for _, line := range asked() {
		if !strings.HasSuffix(line, "origin="+target.URL+" host="+u.Host+" encoding=") {
			t.Errorf("the target was asked %s", line)
		}
	}
	d := rec.Observer().Draft(draft.Options{Target: target.URL})
	scenario := string(d.Scenario())
	for _, want := range []string{`say: {emit: ["say", "${payload}"], to: self, deliver: "said"}`, "count: 1", "transport: polling\n    engine: 3\n", `query: {key: "${key}"}`, `auth: {token: "${token}"}`, "#   POST /login", "# Left out: WebTransport, which the server offers and the proxy does not"} {
		if !strings.Contains(scenario, want) {
			t.Errorf("%s is not in\n%s", want, scenario)
		}
	}
}

// A target that is not there is named once, and each request is answered.
func TestUnreachable(t *testing.T) {
	u, _ := url.Parse("http://127.0.0.1:1")
	calls := 0
	rec := New(Options{Target: u, Unreachable: func(error) { calls++ }})
	t.Cleanup(rec.Close)
	w := httptest.NewRecorder()
	rec.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil))
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "the target http://127.0.0.1:1 cannot be reached") || calls != 1 {
		t.Errorf("%d %q, %d calls", w.Code, w.Body.String(), calls)
	}
}

// Sessions beyond the limit are passed on, and the draft says that they are missing. One that has
// ended makes room.
func TestSessionsBeyondTheLimit(t *testing.T) {
	n := 0
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, "ok")
		case r.URL.Query().Get("sid") == "":
			n++
			_, _ = fmt.Fprintf(w, `0{"sid":"s%d","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, n)
		default:
			_, _ = io.WriteString(w, `40{"sid":"x"}`)
		}
	}))
	t.Cleanup(target.Close)
	u, _ := url.Parse(target.URL)
	rec := New(Options{Target: u})
	rec.most = 2
	t.Cleanup(rec.Close)
	do := func(method, query, body string) {
		w := httptest.NewRecorder()
		rec.ServeHTTP(w, httptest.NewRequest(method, "/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body)))
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, query, w.Code, w.Body)
		}
	}
	for i := range 3 {
		do(http.MethodGet, "", "")
		do(http.MethodPost, fmt.Sprintf("&sid=s%d", i+1), "40")
	}
	do(http.MethodPost, "&sid=s1", "1") // the client closes its session
	do(http.MethodGet, "", "")
	d := rec.Observer().Draft(draft.Options{Target: target.URL})
	if clients, _ := rec.Observer().Counts(); clients != 3 {
		t.Errorf("%d clients are recorded, want 3", clients)
	}
	if left := strings.Join(d.Left(), "\n"); !strings.Contains(left, "sessions that began over polling while 2 others were recorded") {
		t.Errorf("left out: %q", left)
	}
}

// A target is tried with a request that begins no session: nobody there, another path, one that
// does not answer, and one that answers with an error, as servers of Socket.IO do.
func TestTry(t *testing.T) {
	t.Parallel()
	var asked string
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked = req.URL.String()
		switch req.URL.Path {
		case "/socket.io/":
			w.WriteHeader(http.StatusBadRequest)
		case "/silent/":
			<-req.Context().Done()
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	try := func(path string) (unreachable, err error) {
		u, parsed := url.Parse(target.URL)
		if parsed != nil {
			t.Fatal(parsed)
		}
		rec := New(Options{Target: u, Path: path, Unreachable: func(err error) { unreachable = err }})
		defer rec.Close()
		ctx := t.Context()
		if path == "/silent/" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
		}
		err = rec.Try(ctx)
		return unreachable, err
	}
	if gone, err := try(""); gone != nil || err != nil || asked != "/socket.io/" {
		t.Errorf("a server: %v, %v, asked for %s", gone, err, asked)
	}
	if gone, err := try("/io/"); gone != nil || err == nil || err.Error() != "has nothing at /io/ (404)" {
		t.Errorf("another path: %v, %v", gone, err)
	}
	if gone, err := try("/silent/"); gone != nil || err == nil || err.Error() != "does not answer at /silent/" {
		t.Errorf("no answer: %v, %v", gone, err)
	}
	target.Close()
	if gone, err := try(""); gone == nil || err != nil {
		t.Errorf("nobody there: %v, %v", gone, err)
	}
}
