package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/admin"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp refreshes the Date header for the life of the process, and the cleaner of a
		// server's workers looks up only every ten seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// start serves an instrumented server until the test ends.
func start(t *testing.T, opts admin.Options) (srv *server.Server, base string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, ln, opts)
}

// startOn is start on a listener.
func startOn(t *testing.T, ln net.Listener, opts admin.Options) (srv *server.Server, base string) {
	t.Helper()
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: 1000 * time.Hour}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Instrument(srv, opts); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		if err := srv.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return srv, ln.Addr().String()
}

// client speaks as an official client does.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

// dial opens a connection and takes the handshake.
func dial(t *testing.T, address string) *client {
	t.Helper()
	return dialQuery(t, address, "&token=t", nil)
}

func dialQuery(t *testing.T, address, query string, header http.Header) *client {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+address+"/socket.io/?EIO=4&transport=websocket"+query, header)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	c := &client{t, conn}
	t.Cleanup(func() { _ = conn.Close() })
	if got := c.text(); !strings.HasPrefix(got, "0{") {
		t.Fatalf("handshake %q", got)
	}
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (kind int, data string) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	kind, b, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return kind, string(b)
}

func (c *client) text() string {
	c.t.Helper()
	_, data := c.read()
	return data
}

// join joins a namespace and returns the id of the socket. What comes before the answer is
// returned, too.
func (c *client) join(nsp, auth string) (id string, before []string) {
	c.t.Helper()
	c.send("40" + nsp + auth)
	for {
		got := c.text()
		if answer, ok := strings.CutPrefix(got, "40"+nsp); ok {
			var hello struct{ SID string }
			if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, ",")), &hello); err != nil {
				c.t.Fatalf("%q: %v", got, err)
			}
			return hello.SID, before
		}
		before = append(before, got)
	}
}

// event waits for an event of the Admin UI and returns its arguments.
func (c *client) event(name string) []any {
	c.t.Helper()
	for {
		if got, args := c.any(); got == name {
			return args
		}
	}
}

// any waits for the next event of the Admin UI.
func (c *client) any() (name string, args []any) {
	c.t.Helper()
	for {
		got := c.text()
		at := strings.Index(got, "[")
		if !strings.HasPrefix(got, "42/admin,") && !strings.HasPrefix(got, "45") || at < 0 {
			continue
		}
		if err := json.Unmarshal([]byte(got[at:]), &args); err != nil {
			c.t.Fatalf("%q: %v", got, err)
		}
		return args[0].(string), args[1:]
	}
}

// about waits for an event with an argument.
func (c *client) about(name string, index int, want any) []any {
	c.t.Helper()
	for {
		if args := c.event(name); index < len(args) && args[index] == want {
			return args
		}
	}
}

const (
	secret     = "a-secret-of-a-test"
	withSecret = `,{"password":"` + secret + `"}`
)

const loginOf = `,{"username":"root","password":"%s"}`

func credentials(t *testing.T) admin.Options {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return admin.Options{User: "root", PasswordHash: string(hash)}
}

func TestLogin(t *testing.T) {
	_, base := start(t, credentials(t))
	const refused = `44/admin,{"message":"invalid credentials"}`
	c := dial(t, base)
	for _, auth := range []string{
		"", fmt.Sprintf(loginOf, "wrong"), `,{"username":"toor","password":"secret"}`, `,{"sessionId":"0123456789abcdef"}`,
		`,{"username":{"a":1},"password":["secret"]}`, `,{"sessionId":true}`,
	} {
		if auth == "" {
			auth = ","
		}
		c.send("40/admin" + auth)
		if got := c.text(); got != refused {
			t.Errorf("%s: %s", auth, got)
		}
	}
	_, before := c.join("/admin", fmt.Sprintf(loginOf, "secret"))
	var session string
	for _, packet := range before { // the id comes before the answer
		if id, ok := strings.CutPrefix(packet, `42/admin,["session","`); ok {
			session = strings.TrimSuffix(id, `"]`)
		}
	}
	if len(session) < 16 {
		t.Fatalf("session %q in %q", session, before)
	}
	again := dial(t, base)
	if _, before := again.join("/admin", `,{"sessionId":"`+session+`"}`); slices.ContainsFunc(before, func(s string) bool { return strings.Contains(s, "session") }) {
		t.Errorf("another session id: %q", before)
	}
	// Checking passwords is costly: nobody may have it done without end.
	for range 1000 { // sooner or later they come faster than more are allowed
		c := dial(t, base)
		c.send("40/admin" + fmt.Sprintf(loginOf, "wrong"))
		if got := c.text(); got == `44/admin,{"message":"too many attempts, try again later"}` {
			return
		}
	}
	t.Error("attempts are not limited")
}

// Without a password the UI must know the secret, and be on this machine.
func TestSecret(t *testing.T) {
	srv, base := start(t, admin.Options{Secret: secret, Origins: []string{"https://admin.socket.io"}, Hosts: []string{"build.example.com"}})
	_, port, _ := net.SplitHostPort(base)
	for _, c := range []struct {
		query, auth, name, value string
		ok                       bool
	}{
		{"", withSecret, "X-Nothing", "", true},
		{"&secret=" + secret, ",", "X-Nothing", "", true},
		{"", ",", "X-Nothing", "", false},
		{"", `,{"password":""}`, "X-Nothing", "", false},
		{"&secret=", ",", "X-Nothing", "", false},
		{"&secret=" + secret + "x", `,{"password":"` + secret[1:] + `"}`, "X-Nothing", "", false},
		{"", withSecret, "Origin", "http://localhost:8080", true},
		{"", withSecret, "Origin", "http://[::1]:8080", true},
		{"", withSecret, "Origin", "http://build.example.com", true},
		{"", withSecret, "Origin", "https://admin.socket.io", true},
		{"", withSecret, "Origin", "https://admin.socket.io.evil.example", false},
		{"", withSecret, "Origin", "https://localhost.evil.example", false},
		{"", withSecret, "Origin", "null", false},
		{"", withSecret, "Origin", "", true},
		{"", withSecret, "X-Forwarded-For", "127.0.0.1", false},
		{"", withSecret, "Forwarded", "for=127.0.0.1", false},
		{"", withSecret, "Host", "localhost:" + port, true},
		{"", withSecret, "Host", "LOCALHOST.", true},
		{"", withSecret, "Host", "[::1]:" + port, true},
		{"", withSecret, "Host", "build.example.com:" + port, true},
		{"", withSecret, "Host", "rebound.example:" + port, false},
		{"", withSecret, "Host", "127.0.0.1.rebound.example", false},
		{"", withSecret, "Host", "0.0.0.0:" + port, false},
		{"", withSecret, "X-Forwarded-Host", "rebound.example", true}, // nobody is believed by that
	} {
		before := len(srv.Of("/admin").Sockets())
		client := dialQuery(t, base, c.query, http.Header{c.name: {c.value}})
		client.send("40/admin" + c.auth)
		got := client.text()
		for strings.HasPrefix(got, "42") {
			got = client.text()
		}
		if ok := strings.HasPrefix(got, "40/admin"); ok != c.ok {
			t.Errorf("%q %q, %s: %s: %s", c.query, c.auth, c.name, c.value, got)
		}
		if after := len(srv.Of("/admin").Sockets()); !c.ok && after != before {
			t.Errorf("%q %q, %s: %s: a socket is there", c.query, c.auth, c.name, c.value)
		}
	}
	if a, b := admin.NewSecret(), admin.NewSecret(); len(a) < 16 || a == b {
		t.Errorf("secrets %q and %q", a, b)
	}
}

// remote is a listener whose clients are on another machine.
type remote struct{ net.Listener }

type remoteConn struct{ net.Conn }

func (l remote) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return remoteConn{conn}, err
}

func (remoteConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1} }

// Who knows the secret, or has seen it in a log, gets in on the server's own machine only.
func TestSecretElsewhere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, base := startOn(t, remote{ln}, admin.Options{Secret: secret})
	client := dial(t, base)
	client.send("40/admin" + withSecret)
	if got := client.text(); !strings.HasPrefix(got, "44/admin,") || !strings.Contains(got, "own machine") {
		t.Errorf("a client of another machine: %s", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opts := range []admin.Options{
		{},
		{User: "root"},
		{User: "root", PasswordHash: "secret"},
		{User: "root", PasswordHash: "x", Secret: secret},
		{Secret: "short"},
		{Secret: secret, MaxEvents: -1},
	} {
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.Instrument(srv, opts); err == nil || !strings.HasPrefix(err.Error(), "admin: ") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestDevelopment(t *testing.T) {
	t.Parallel() // it waits for statistics
	opts := admin.Options{Secret: secret, ServerID: "one", Data: func(s *server.Socket) any { return s.Data }}
	srv, base := start(t, opts)
	chat := srv.Of("/chat")
	connected := make(chan struct{})
	once := sync.OnceFunc(func() { close(connected) })
	chat.OnConnect(func(s *server.Socket) {
		s.Data = map[string]int{"n": 0}
		once()
	})
	chat.On("join", func(s *server.Socket, e *server.Event) error {
		s.Data = map[string]int{"n": 1}
		s.Join("r1")
		return s.Emit("joined", []byte{1, 2}, "r1")
	})
	early := dial(t, base)
	earlyID, _ := early.join("/chat", ",")
	<-connected // the client hears of it before

	ui := dial(t, base)
	uiID, _ := ui.join("/admin", withSecret)
	config := ui.event("config")[0].(map[string]any)
	if got := fmt.Sprint(config["supportedFeatures"]); got != "[EMIT JOIN LEAVE DISCONNECT MJOIN MLEAVE MDISCONNECT AGGREGATED_EVENTS ALL_EVENTS]" {
		t.Errorf("features %s", got)
	}
	all := ui.event("all_sockets")[0].([]any)
	found := map[string]map[string]any{}
	for _, s := range all {
		found[s.(map[string]any)["id"].(string)] = s.(map[string]any)
	}
	if len(found) != 2 || found[uiID] == nil || found[earlyID] == nil {
		t.Fatalf("sockets %v", found)
	}
	s := found[earlyID]
	h := s["handshake"].(map[string]any)
	if s["nsp"] != "/chat" || s["transport"] != "websocket" || len(s["clientId"].(string)) != 12 || fmt.Sprint(s["rooms"]) != "["+earlyID+"]" ||
		h["address"] != "127.0.0.1" || h["secure"] != false || h["xdomain"] != false || h["url"] != "/socket.io/?EIO=4&transport=websocket&token=t" ||
		h["query"].(map[string]any)["token"] != "t" || h["headers"].(map[string]any)["upgrade"] != "websocket" || h["auth"] != nil {
		t.Errorf("socket %v", s)
	}
	// The first statistics, and what the data of the socket was before the UI came, in either
	// order. The list has that already where the server has just looked at the socket.
	for stats, data, n := false, fmt.Sprint(s["data"]) == "map[n:0]", 0; !stats || !data; n++ {
		name, args := ui.any()
		if n == 20 {
			t.Fatalf("statistics have come: %v, the data: %v", stats, data)
		}
		told, _ := args[0].(map[string]any)
		switch {
		case name == "server_stats" && !stats:
			stats = true
			if told["serverId"] != "one" || told["clientsCount"] != 2.0 || told["pollingClientsCount"] != 0.0 {
				t.Errorf("stats %v", told)
			}
		case name == "socket_updated" && told["id"] == earlyID:
			data = true
			if fmt.Sprint(told) != "map[data:map[n:0] id:"+earlyID+" nsp:/chat]" {
				t.Errorf("updated %v", told)
			}
		}
	}
	testUpdates(t, ui, base)
}

// testUpdates looks at what the UI is told of one client's life.
func testUpdates(t *testing.T, ui *client, base string) {
	c := dial(t, base)
	id, _ := c.join("/chat", ",")
	connected := ui.event("socket_connected")
	if s := connected[0].(map[string]any); s["id"] != id || s["nsp"] != "/chat" || len(s["clientId"].(string)) != 12 {
		t.Errorf("connected %v", s)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", connected[1].(string)); err != nil {
		t.Error(err)
	}
	c.send(`452-/chat,7["join",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]`)
	for _, data := range []string{"x", "y"} {
		if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	received := ui.event("event_received")
	if got := fmt.Sprint(received[:3]); got != "[/chat "+id+" [join map[_placeholder:true num:0] map[a:[map[_placeholder:true num:1]]]]]" {
		t.Errorf("received %s", got)
	}
	for _, want := range []string{"x", "y"} {
		if kind, got := ui.read(); kind != websocket.BinaryMessage || got != want {
			t.Errorf("attachment %d %q, want %q", kind, got, want)
		}
	}
	if joined := ui.about("room_joined", 1, "r1"); joined[0] != "/chat" || joined[2] != id {
		t.Errorf("joined %v", joined)
	}
	if sent := ui.event("event_sent"); fmt.Sprint(sent[:3]) != "[/chat "+id+" [joined map[_placeholder:true num:0] r1]]" {
		t.Errorf("sent %v", sent)
	}
	if kind, got := ui.read(); kind != websocket.BinaryMessage || got != "\x01\x02" {
		t.Errorf("attachment %d %q", kind, got)
	}
	updated := map[string]any{}
	for updated["id"] != id { // those of the UI itself may come late
		updated = ui.event("socket_updated")[0].(map[string]any)
	}
	if fmt.Sprint(updated["data"]) != "map[n:1]" {
		t.Errorf("updated %v", updated)
	}
	_ = c.conn.Close()
	left := map[string]bool{}
	for len(left) < 2 { // the room before the socket itself, and only then its own room
		room := ui.event("room_left")
		left[room[1].(string)] = true
		if room[2] != id || len(left) == 1 && room[1] != "r1" {
			t.Errorf("left %v", room)
		}
		if len(left) == 1 {
			if gone := ui.event("socket_disconnected"); gone[1] != id || gone[2] != "transport close" {
				t.Errorf("disconnected %v", gone)
			}
		}
	}
	counts := map[string]float64{}
	for counts["rawDisconnection transport close"] == 0 {
		for _, e := range ui.event("server_stats")[0].(map[string]any)["aggregatedEvents"].([]any) {
			b := e.(map[string]any)
			if int64(b["timestamp"].(float64))%1000 != 0 {
				t.Errorf("timestamp of %v", b)
			}
			sub, _ := b["subType"].(string)
			counts[strings.TrimSpace(b["type"].(string)+" "+sub)] += b["count"].(float64)
		}
	}
	if counts["rawConnection"] != 1 || counts["packetsIn"] < 4 || counts["bytesIn"] < 50 || counts["packetsOut"] < 10 || counts["bytesOut"] < 500 {
		t.Errorf("counts %v", counts)
	}
}

// An upgrade is told for each socket of the connection.
func TestUpgradeIsTold(t *testing.T) {
	_, base := start(t, admin.Options{Secret: secret})
	ui := dial(t, base)
	ui.join("/admin", withSecret)
	ui.event("all_sockets") // who comes from now on is told
	url := "http://" + base + "/socket.io/?EIO=4&transport=polling"
	body := exchange(t, "GET", url, "")
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(body[1:]), &hello); err != nil {
		t.Fatal(err)
	}
	url += "&sid=" + hello.SID
	exchange(t, "POST", url, "40")
	var id string
	for id == "" {
		if s := ui.event("socket_connected")[0].(map[string]any); s["nsp"] == "/" {
			id = s["id"].(string)
			if s["transport"] != "polling" {
				t.Errorf("transport %v", s["transport"])
			}
		}
	}
	exchange(t, "GET", url, "")
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+base+"/socket.io/?EIO=4&transport=websocket&sid="+hello.SID, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	c := &client{t, conn}
	t.Cleanup(func() { _ = conn.Close() })
	c.send("2probe")
	if got := c.text(); got != "3probe" {
		t.Fatalf("probe %q", got)
	}
	c.send("5")
	if got := ui.event("socket_updated")[0].(map[string]any); fmt.Sprint(got) != "map[id:"+id+" nsp:/ transport:websocket]" {
		t.Errorf("updated %v", got)
	}
}

func exchange(t *testing.T, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %q %v", method, url, resp.Status, b, err)
	}
	return string(b)
}

func TestActions(t *testing.T) {
	srv, base := start(t, admin.Options{Secret: secret})
	a, b := dial(t, base), dial(t, base)
	aID, _ := a.join("", "")
	b.join("", "")
	ui := dial(t, base)
	ui.join("/admin", withSecret)
	act := func(packet, answer string, attachments ...string) {
		t.Helper()
		ui.send(packet)
		for _, data := range attachments {
			if err := ui.conn.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		for {
			if got := ui.text(); strings.HasPrefix(got, "43/admin,") {
				if got != answer {
					t.Errorf("%s: %s, want %s", packet, got, answer)
				}
				return
			}
		}
	}
	act(`42/admin,1["emit","/",null,"news",1,"two"]`, `43/admin,1[null]`)
	for _, c := range []*client{a, b} {
		if got := c.text(); got != `42["news",1,"two"]` {
			t.Errorf("got %s", got)
		}
	}
	act(`451-/admin,2["emit","/","`+aID+`","file",{"_placeholder":true,"num":0}]`, `43/admin,2[null]`, "bytes")
	if got := a.text(); got != `451-["file",{"_placeholder":true,"num":0}]` {
		t.Errorf("got %s", got)
	}
	if kind, got := a.read(); kind != websocket.BinaryMessage || got != "bytes" {
		t.Errorf("got %d %s", kind, got)
	}
	act(`42/admin,3["join","/","r",null]`, `43/admin,3[null]`)
	if got := srv.Rooms()["r"]; got != 2 {
		t.Errorf("%d sockets in the room", got)
	}
	act(`42/admin,4["leave","/","r","`+aID+`"]`, `43/admin,4[null]`)
	if got := srv.Rooms()["r"]; got != 1 {
		t.Errorf("%d sockets in the room", got)
	}
	act(`42/admin,5["_disconnect","/",false,"r"]`, `43/admin,5[null]`)
	if got := b.text(); got != "41" {
		t.Errorf("got %s", got)
	}
	act(`42/admin,6["_disconnect","/",true,null]`, `43/admin,6[null]`)
	if got := a.text(); got != "41" {
		t.Errorf("got %s", got)
	}
	if _, _, err := a.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNoStatusReceived) {
		t.Errorf("the connection is open: %v", err)
	}
	act(`42/admin,7["emit","/nowhere",null,"x"]`, `43/admin,7["namespace \"/nowhere\" does not exist"]`)
	act(`42/admin,8["emit","/",null,"connect"]`, `43/admin,8["\"connect\" cannot be the name of an event"]`)
	act(`42/admin,9["join","/","",null]`, `43/admin,9["the name of the room is missing"]`)
	if n := len(srv.Namespaces()); n != 2 {
		t.Errorf("%d namespaces", n)
	}
}

// In production the UI gets numbers, and a read-only one cannot act.
func TestProductionAndReadOnly(t *testing.T) {
	t.Parallel() // it waits for statistics
	srv, base := start(t, admin.Options{Secret: secret, Production: true, ReadOnly: true})
	ui := dial(t, base)
	ui.join("/admin", withSecret)
	if config := ui.text(); config != `42/admin,["config",{"supportedFeatures":["AGGREGATED_EVENTS"]}]` {
		t.Errorf("config %s", config)
	}
	if got := ui.text(); !strings.HasPrefix(got, `42/admin,["server_stats",`) {
		t.Errorf("got %s", got)
	}
	c := dial(t, base)
	c.join("", "")
	c.send(`42["x"]`)
	for _, action := range []string{`["emit","/",null,"x"]`, `["join","/","r",null]`, `["_disconnect","/",true,null]`} {
		ui.send("42/admin," + action)
	}
	for range 2 {
		if got := ui.text(); !strings.HasPrefix(got, `42/admin,["server_stats",`) {
			t.Errorf("got %s", got)
		}
	}
	if srv.Rooms()["r"] != 0 || srv.Stats().Namespaces["/"] != 1 {
		t.Error("a read-only UI has acted")
	}
}

// A burst of events does not become a burst to the UI.
func TestEventsAreBounded(t *testing.T) {
	srv, base := start(t, admin.Options{Secret: secret, MaxEvents: 10})
	c := dial(t, base)
	c.join("", "")
	ui := dial(t, base)
	ui.join("/admin", withSecret)
	ui.event("all_sockets")
	began := time.Now()
	for range 1000 {
		if err := srv.Emit("x"); err != nil {
			t.Fatal(err)
		}
	}
	most := 10 + int(time.Since(began)/(100*time.Millisecond)) + 1
	if err := srv.Of("/admin").Emit("end"); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for {
		got := ui.text()
		if strings.Contains(got, `["event_sent"`) {
			shown++
		}
		if strings.HasPrefix(got, `42/admin,["end"`) {
			break
		}
	}
	if shown < 10 || shown > most {
		t.Errorf("%d events were shown, want 10 to %d", shown, most)
	}
}

// The statistics end with the last UI and begin again with the next.
func TestComeAndGo(t *testing.T) {
	t.Parallel() // it waits for statistics
	_, base := start(t, admin.Options{Secret: secret})
	for range 20 {
		ui := dial(t, base)
		ui.join("/admin", withSecret)
		_ = ui.conn.Close()
	}
	ui := dial(t, base)
	ui.join("/admin", withSecret)
	for range 2 {
		ui.event("server_stats")
	}
}
