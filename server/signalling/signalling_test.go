package signalling_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/testclient"
	"github.com/throng-io/throng/server/signalling"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's own, which end later or never: see package server.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// start serves a signalling and returns its host.
func start(t *testing.T, opts signalling.Options, more server.Options) string {
	t.Helper()
	more.Times = testclient.NoPings
	srv, err := server.New(more)
	if err != nil {
		t.Fatal(err)
	}
	if err := signalling.New(srv.Namespace, opts); err != nil {
		t.Fatal(err)
	}
	return testclient.Serve(t, srv)
}

// A client of a signalling.
type client struct {
	*testclient.Client
	t *testing.T
}

func connect(t *testing.T, host, auth string) *client {
	t.Helper()
	return &client{testclient.Join(t, host, auth), t}
}

// expect reads the next packet, which must be as wanted.
func (c *client) expect(format string, args ...any) {
	c.t.Helper()
	if got, want := c.Next(), fmt.Sprintf(format, args...); got != want {
		c.t.Errorf("got %s\nwant %s", got, want)
	}
}

// refused sends what must be refused by a code, and returns the reason.
func (c *client) refused(packet string, code signalling.Code) string {
	c.t.Helper()
	c.Send(packet)
	got := c.Next()
	var args []json.RawMessage
	var r struct{ Event, Code, Reason string }
	if err := errors.Join(json.Unmarshal([]byte(strings.TrimPrefix(got, "42")), &args)); err != nil || len(args) < 2 || string(args[0]) != `"p2p:refused"` {
		c.t.Fatalf("%.80s is answered by %s", packet, got)
	}
	if err := json.Unmarshal(args[1], &r); err != nil {
		c.t.Fatal(err)
	}
	if r.Code != string(code) || r.Reason == "" || !strings.Contains(packet, r.Event) {
		c.t.Errorf("%.80s is refused by %s", packet, got)
	}
	return r.Reason
}

// join joins a room in which there are others.
func (c *client) join(room string, others ...*client) {
	c.t.Helper()
	c.Send(fmt.Sprintf(`421["p2p:join",{"room":%q}]`, room))
	ids := []string{}
	for _, o := range others {
		ids = append(ids, o.ID)
	}
	slices.Sort(ids)
	list, _ := json.Marshal(ids)
	c.expect(`42["p2p:peers",{"room":%q,"you":%q,"peers":%s}]`, room, c.ID, list)
	c.expect(`431[]`) // and nobody hears of it twice who comes now
	for _, o := range others {
		o.expect(`42["p2p:joined",{"room":%q,"peer":%q}]`, room, c.ID)
	}
}

func TestRoom(t *testing.T) {
	host := start(t, signalling.Options{}, server.Options{})
	a, b, c, other := connect(t, host, ""), connect(t, host, ""), connect(t, host, ""), connect(t, host, "")
	a.join("r")
	b.join("r", a)
	c.join("r", a, b)
	other.join("s")

	a.Send(fmt.Sprintf(`42["p2p:signal",{"room":"r","to":%q,"data":{"description":{"type":"offer","sdp":"v=0"}}}]`, b.ID))
	b.expect(`42["p2p:signal",{"room":"r","from":%q,"data":{"description":{"type":"offer","sdp":"v=0"}}}]`, a.ID)
	b.Send(`421["p2p:signal",{"room":"r","data":[1]}]`)
	b.expect(`431[]`)
	for _, x := range []*client{a, c} {
		x.expect(`42["p2p:signal",{"room":"r","from":%q,"data":[1]}]`, b.ID)
	}

	// Binary passes, and its place in the message with it.
	a.Send(fmt.Sprintf(`451-["p2p:relay",{"room":"r","to":%q},{"_placeholder":true,"num":0},7]`, c.ID))
	a.SendBinary(1, 2, 3)
	c.expect(`451-["p2p:relay",{"room":"r","from":%q},{"_placeholder":true,"num":0},7]`, a.ID)
	c.expect("\x01\x02\x03")
	a.Send(`42["p2p:relay",{"room":"r"},"to all"]`)
	for _, x := range []*client{b, c} {
		x.expect(`42["p2p:relay",{"room":"r","from":%q},"to all"]`, a.ID)
	}

	// Those of another room are out of reach, and one that has left is, whatever the room is called.
	hidden := connect(t, host, "")
	hidden.join("s:r")
	a.Send(fmt.Sprintf(`421["p2p:signal",{"room":"r","to":"%s:s","data":1}]`, hidden.ID))
	a.expect(`431[]`)
	hidden.Send(`421["p2p:leave",{"room":"s:r"}]`)
	hidden.expect(`431[]`)
	a.Send(fmt.Sprintf(`42["p2p:signal",{"room":"r","to":%q,"data":1}]`, other.ID))
	b.Send(`42["p2p:leave",{"room":"r"}]`)
	for _, x := range []*client{a, c} {
		x.expect(`42["p2p:left",{"room":"r","peer":%q}]`, b.ID)
	}
	a.Send(fmt.Sprintf(`421["p2p:signal",{"room":"r","to":%q,"data":1}]`, b.ID))
	a.expect(`431[]`)
	b.refused(`42["p2p:signal",{"room":"r","data":1}]`, signalling.Absent)
	b.refused(`42["p2p:leave",{"room":"r"}]`, signalling.Absent)
	other.refused(`42["p2p:relay",{"room":"r"},1]`, signalling.Absent)
	c.Close()
	a.expect(`42["p2p:left",{"room":"r","peer":%q}]`, c.ID)
	b.join("r", a)
}

func TestRefuses(t *testing.T) {
	host := start(t, signalling.Options{
		Peers: 2, Rooms: 2, Signals: signalling.Limit{Bytes: 200}, Relayed: signalling.Limit{Bytes: 100, PerSecond: 1e-9, Burst: 5},
		Authorize: func(_ *server.Socket, a signalling.Action) error {
			if a.Room == "closed" || a.To == "secret" {
				return errors.New("not for you")
			}
			return nil
		},
	}, server.Options{})
	a, b, c := connect(t, host, ""), connect(t, host, ""), connect(t, host, "")
	a.join("r")
	b.join("r", a)
	c.refused(`42["p2p:join",{"room":"r"}]`, signalling.Full)
	a.join("r2")
	if why := a.refused(`42["p2p:join",{"room":"r3"}]`, signalling.Full); !strings.Contains(why, "leave one") {
		t.Error(why)
	}
	if why := c.refused(`42["p2p:join",{"room":"closed"}]`, signalling.Denied); why != "not for you" {
		t.Error(why)
	}
	a.refused(`42["p2p:signal",{"room":"r","to":"secret","data":1}]`, signalling.Denied)
	for _, invalid := range []string{
		`["p2p:join"]`, `["p2p:join",7]`, `["p2p:join",{"room":""}]`, `["p2p:join",{"room":"` + strings.Repeat("x", 129) + `"}]`,
		`["p2p:signal",{"room":"r"}]`, `["p2p:relay",{"room":"r"}]`, `["p2p:relay",{"room":"r","to":7},1]`,
	} {
		a.refused("42"+invalid, signalling.Invalid)
	}
	for _, packet := range []string{
		`451-["p2p:signal",{"room":"r","data":{"_placeholder":true,"num":0}}]`,
		`451-["p2p:relay",{"room":"r","x":{"_placeholder":true,"num":0}},1]`,
	} {
		a.Send(packet)
		a.SendBinary(1)
		if got := a.Next(); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("%s is answered by %s", packet, got)
		}
	}
	a.refused(`42["p2p:signal",{"room":"r","data":"`+strings.Repeat("x", 200)+`"}]`, signalling.Size)
	a.refused(`42["p2p:relay",{"room":"r"},"`+strings.Repeat("x", 100)+`"]`, signalling.Size)
	a.Send(`42["p2p:relay",{"room":"r"},1]`)
	b.expect(`42["p2p:relay",{"room":"r","from":%q},1]`, a.ID)
	a.refused(`42["p2p:relay",{"room":"r"},1]`, signalling.Rate)
}

// A client that comes back as the same socket has left its rooms for the others, and joins again.
func TestRecovery(t *testing.T) {
	host := start(t, signalling.Options{}, server.Options{Recovery: &server.Recovery{}})
	a := connect(t, host, "")
	a.Send(`42["p2p:join",{"room":"r"}]`)
	var offset string
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(strings.TrimPrefix(a.Next(), "42")), &args); err != nil || len(args) != 3 {
		t.Fatal(err, args)
	}
	if err := json.Unmarshal(args[2], &offset); err != nil {
		t.Fatal(err)
	}
	a.Close()
	var back *client
	for deadline := time.Now().Add(time.Minute); ; { // until the server has seen the end of the connection
		back = connect(t, host, fmt.Sprintf(`{"pid":%q,"offset":%q}`, a.PID, offset))
		if back.ID == a.ID || time.Now().After(deadline) {
			break
		}
	}
	if back.ID != a.ID {
		t.Fatal("not recovered")
	}
	b := connect(t, host, "")
	b.Send(`42["p2p:join",{"room":"r"}]`)
	if got := b.Next(); !strings.Contains(got, `"peers":[]`) {
		t.Errorf("the one that came back is still there: %s", got)
	}
	back.refused(`42["p2p:signal",{"room":"r","data":1}]`, signalling.Absent)
	back.Send(`42["p2p:join",{"room":"r"}]`)
	if got := back.Next(); !strings.Contains(got, b.ID) {
		t.Error(got)
	}
}

func TestOptions(t *testing.T) {
	for want, opts := range map[string]signalling.Options{
		"Peers is 1":                 {Peers: 1},
		"Rooms is -1":                {Rooms: -1},
		"RoomName is -1":             {RoomName: -1},
		"Signals.Burst is -1":        {Signals: signalling.Limit{Burst: -1}},
		"Relayed.Bytes is -1":        {Relayed: signalling.Limit{Bytes: -1}},
		"Relayed.PerSecond is -0.5;": {Relayed: signalling.Limit{PerSecond: -0.5}},
	} {
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := signalling.New(srv.Namespace, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", opts, err, want)
		}
	}
	if got := reflect.TypeFor[signalling.Options]().NumField(); got != 6 {
		t.Errorf("%d options: check each here", got)
	}
}
