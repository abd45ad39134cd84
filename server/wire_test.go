package server_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp refreshes the Date header for the life of the process, and the cleaner of a
		// server's workers looks up only every ten seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its compression has workers for the life of the process, too.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"))
}

// patience is for what takes milliseconds, unless the machine has much else to do.
const patience = time.Minute

// silent is for servers that are made to fail.
var silent = slog.New(slog.DiscardHandler)

// wire is a client that sends and expects frames as they are on the wire.
type wire struct {
	t    *testing.T
	conn *websocket.Conn
}

// open connects a websocket to a server's Engine.IO path, and takes the handshake unless the query
// names a session.
func open(t *testing.T, base, path, query string) *wire {
	t.Helper()
	if !strings.HasPrefix(base, "http://") {
		d, base := dialer(base)
		return openWith(t, d, base, path, query)
	}
	return openWith(t, websocket.DefaultDialer, base, path, query)
}

func openWith(t *testing.T, d *websocket.Dialer, base, path, query string) *wire {
	t.Helper()
	url := "ws" + strings.TrimPrefix(base, "http") + path + "?EIO=4&transport=websocket" + query
	conn, resp, err := d.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	w := &wire{t, conn}
	if query == "" {
		handshakeOf(t, w.text())
	}
	return w
}

// socketIO connects and joins the main namespace.
func socketIO(t *testing.T, base string) *wire {
	t.Helper()
	w := open(t, base, "/socket.io/", "")
	w.send("40")
	w.expectPrefix(`40{"sid":"`)
	return w
}

// threeJoined are clients of the main namespace, and their sockets.
func threeJoined(t *testing.T, srv *server.Server, base string) (clients []*wire, joined []*server.Socket) {
	t.Helper()
	sockets := make(chan *server.Socket, 3)
	srv.OnConnect(func(s *server.Socket) { sockets <- s })
	for range 3 {
		clients = append(clients, socketIO(t, base))
		joined = append(joined, <-sockets)
	}
	return clients, joined
}

func (w *wire) send(text string) {
	w.t.Helper()
	if err := w.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		w.t.Fatalf("send %q: %v", text, err)
	}
}

func (w *wire) sendBinary(data string) {
	w.t.Helper()
	if err := w.conn.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
		w.t.Fatal(err)
	}
}

// next returns the next message that is no heartbeat.
func (w *wire) next() (kind int, data string, err error) {
	for {
		_ = w.conn.SetReadDeadline(time.Now().Add(patience))
		kind, b, err := w.conn.ReadMessage()
		if err != nil || string(b) != "2" {
			return kind, string(b), err
		}
		w.send("3")
	}
}

func (w *wire) text() string {
	w.t.Helper()
	kind, data, err := w.next()
	if err != nil || kind != websocket.TextMessage {
		w.t.Fatalf("got %d %q, %v; want a text message", kind, data, err)
	}
	return data
}

func (w *wire) expect(want string) {
	w.t.Helper()
	if got := w.text(); got != want {
		w.t.Fatalf("got %q, want %q", got, want)
	}
}

func (w *wire) expectPrefix(want string) string {
	w.t.Helper()
	got := w.text()
	if !strings.HasPrefix(got, want) {
		w.t.Fatalf("got %q, want %q...", got, want)
	}
	return got
}

func (w *wire) expectBinary(want string) {
	w.t.Helper()
	kind, data, err := w.next()
	if err != nil || kind != websocket.BinaryMessage || data != want {
		w.t.Fatalf("got %d %q, %v; want binary %q", kind, data, err, want)
	}
}

// expectClose reads until the server closes, and returns the code.
func (w *wire) expectClose() int {
	w.t.Helper()
	for {
		_, data, err := w.next()
		if err == nil {
			w.t.Logf("before the close: %q", data)
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) {
			w.t.Fatalf("want a closing handshake, got %v", err)
		}
		return closed.Code
	}
}

// message is a websocket message in the vectors: a string or {"$bin": hex}.
type message struct {
	text   string
	binary bool
}

func (m *message) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &m.text) == nil {
		return nil
	}
	var bin struct {
		Hex string `json:"$bin"`
	}
	if err := json.Unmarshal(b, &bin); err != nil {
		return err
	}
	raw, err := hex.DecodeString(bin.Hex)
	m.text, m.binary = string(raw), true
	return err
}

type vector struct {
	Name, Layer, Precondition, Recommended string
	Encoded                                json.RawMessage
}

func vectors(t *testing.T, path, layer string) []vector {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Invalid []vector }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var some []vector
	for _, v := range all.Invalid {
		if v.Layer == layer {
			some = append(some, v)
		}
	}
	if len(some) == 0 {
		t.Fatalf("%s holds no invalid vectors of the layer %q", path, layer)
	}
	return some
}

// survives tells whether the connection goes on after an invalid input.
func (v vector) survives() bool {
	for _, word := range []string{"ignore", "reply CONNECT_ERROR", "keep waiting"} {
		if strings.HasPrefix(v.Recommended, word) {
			return true
		}
	}
	return false
}

func TestInvalidSocketIOPackets(t *testing.T) {
	srv, err := app.New("protocol", server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	witness := socketIO(t, base)
	witness.expect("42[\"auth\",{}]")
	for _, v := range vectors(t, "../protocol/socketio/testdata/vectors.json", "socket") {
		if v.Name == "event ack id above 2^53" {
			continue // ids are 64 bits wide here, and echoed exactly: nothing is lost
		}
		t.Run(v.Name, func(t *testing.T) {
			w := open(t, base, "/socket.io/", "")
			if strings.HasPrefix(v.Precondition, "client already sent: 40") {
				w.send("40")
				w.expectPrefix("40")
				w.expect("42[\"auth\",{}]")
			}
			w.sendVector(v, "4")
			if !v.survives() {
				if code := w.expectClose(); code != websocket.CloseNoStatusReceived {
					t.Errorf("closed with %d, want no code", code)
				}
				return
			}
			if strings.HasPrefix(v.Recommended, "keep waiting") {
				w.sendBinary("\x01")
			}
			if strings.HasPrefix(v.Recommended, "reply CONNECT_ERROR") {
				w.expect(`44/nope,{"message":"Invalid namespace"}`)
			}
			w.send(`42["message","still here"]`)
			w.expect(`42["message-back","still here"]`)
		})
	}
	witness.send(`42["message",1]`)
	witness.expect(`42["message-back",1]`)
}

func (w *wire) sendVector(v vector, prefix string) {
	w.t.Helper()
	var messages []message
	if err := json.Unmarshal(v.Encoded, &messages); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range messages {
		if m.binary {
			w.sendBinary(m.text)
		} else {
			w.send(prefix + m.text)
		}
	}
}

func TestInvalidEngineIOPackets(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxPayload: 1000}, Engine: app.Echo})
	for _, v := range vectors(t, "../protocol/engineio/testdata/vectors.json", "engine") {
		t.Run(v.Name, func(t *testing.T) {
			w := open(t, base, "/engine.io/", "")
			w.sendVector(v, "")
			if !v.survives() {
				code := w.expectClose()
				if strings.Contains(v.Name, "longer than maxPayload") && code != websocket.CloseMessageTooBig {
					t.Errorf("closed with %d, want 1009", code)
				}
				return
			}
			w.send("4still here")
			w.expect("4still here")
		})
	}
}

func TestInvalidPollingBodies(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxPayload: 1000}, Engine: app.Echo}) + "/engine.io/?EIO=4&transport=polling"
	delivered := map[string]string{
		"payload trailing separator": "4a", "payload double separator": "4a", "payload error in the middle": "4a",
	}
	for _, v := range vectors(t, "../protocol/engineio/testdata/vectors.json", "payload") {
		if strings.Contains(v.Name, "above maxHttpBufferSize") || strings.Contains(v.Name, "octet-stream") {
			continue // in the recorded HTTP requests
		}
		t.Run(v.Name, func(t *testing.T) {
			var body string
			if err := json.Unmarshal(v.Encoded, &body); err != nil {
				t.Fatal(err)
			}
			_, answer := exchange(t, "GET", base, "", nil)
			url := base + "&sid=" + handshakeOf(t, answer).SID
			// What precedes the bad packet is echoed into a poll that is held.
			polled := make(chan string, 1)
			if delivered[v.Name] != "" {
				go func() {
					_, got := exchange(t, "GET", url, "", nil)
					polled <- got
				}()
				time.Sleep(20 * time.Millisecond) // until it is held; if it is not, the next line finds the session gone
			}
			exchange(t, "POST", url, body, nil)
			if want := delivered[v.Name]; want != "" {
				if got := <-polled; !strings.HasPrefix(got, want) && got != "1" && !strings.Contains(got, "Session ID unknown") {
					t.Errorf("polled %q, want %q", got, want)
				}
			}
			if strings.Contains(v.Name, "v3 syntax") {
				exchange(t, "POST", url, "4a", nil)
				if _, got := exchange(t, "GET", url, "", nil); got != "4a" {
					t.Errorf("polled %q after an ignored packet", got)
				}
				return
			}
			if resp, got := exchange(t, "GET", url, "", nil); resp.StatusCode != 400 {
				t.Errorf("the session lives on: %s %q", resp.Status, got)
			}
		})
	}
}

// What is left of a body that nobody reads is no request, whoever refused it.
func TestNothingIsHiddenInABody(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	const open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
	const last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, line := range []string{
		"POST /socket.io/?EIO=4&transport=polling&sid=nobody", "POST /socket.io/?EIO=4&transport=none", "POST /elsewhere",
		"GET /socket.io/?EIO=4&transport=polling&sid=nobody", "OPTIONS /socket.io/?EIO=4&transport=polling",
	} {
		for name, request := range map[string]string{
			"short": fmt.Sprintf(" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(open), open),
			// Of this much the HTTP server drops the rest by itself, of more it does not.
			"long":    fmt.Sprintf(" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 8192+len(open), strings.Repeat("x", 8192)+open),
			"longer":  fmt.Sprintf(" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 300_000, strings.Repeat("x", 300_000-len(open))+open),
			"chunked": fmt.Sprintf(" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(open), open),
		} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(conn, line+request+last); err != nil {
				t.Fatal(err)
			}
			answers, err := io.ReadAll(conn)
			n := strings.Count(string(answers), "HTTP/1.1 ")
			most, end := 2, "not found\n" // to the last request
			if name == "longer" {
				most, end = 1, ""
			}
			if n != most || !strings.HasSuffix(string(answers), end) || err != nil {
				t.Fatalf("%s, %s: %d answers, %v: %q", line, name, n, err, answers)
			}
			_ = conn.Close()
		}
	}
	if n := srv.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions were opened", n)
	}
	// Those that are read leave the connection as it is.
	p := poll(t, base, "/socket.io/")
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	t.Cleanup(one.CloseIdleConnections)
	for _, body := range []io.Reader{strings.NewReader("3"), strings.NewReader(`42["x","` + strings.Repeat("x", 20000) + `"]`), io.MultiReader(strings.NewReader(`42["x"]`))} {
		resp, err := one.Post(p.url, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != "ok" || err != nil || resp.Close {
			t.Errorf("answered %q, %v, closed %v", got, err, resp.Close)
		}
		_ = resp.Body.Close()
	}
}
