//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/scenario/client"
)

const patience = time.Minute // for what should take milliseconds, unless the machine has much else to do

// A message is a client.Message that may be kept.
type message struct {
	Name, Args  string
	Attachments []string
	ID          uint64
	HasID       bool
}

// inbox hands what a client receives to the test.
type inbox chan message

func (in inbox) Event(m *client.Message) { in <- keep(m) }
func (in inbox) Ack(m *client.Message)   { in <- keep(m) }

func keep(m *client.Message) message {
	kept := message{Name: string(m.Name), Args: string(m.Args), ID: m.ID, HasID: m.HasID}
	for _, a := range m.Attachments {
		kept.Attachments = append(kept.Attachments, string(a))
	}
	return kept
}

func (in inbox) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-in:
		return m
	case <-time.After(patience):
		t.Fatal("waited in vain for a message")
		return message{}
	}
}

func (in inbox) want(t *testing.T, want message) {
	t.Helper()
	if diff := cmp.Diff(want, in.next(t)); diff != "" {
		t.Fatalf("message (-want +got):\n%s", diff)
	}
}

// dial connects a client of Throng and runs it for the length of the test; ended yields what Run
// returned.
func dial(t *testing.T, cfg client.Config) (c *client.Client, in inbox, ended <-chan error) {
	t.Helper()
	c, err := client.Dial(t.Context(), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c.UpgradeErr != nil {
		t.Errorf("upgrade: %v", c.UpgradeErr)
	}
	in = make(inbox, 10_000)
	end, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		end <- c.Run(in)
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c, in, end
}

// TestClientOnOfficialServer holds the simulated client against a server that Throng did not write.
func TestClientOnOfficialServer(t *testing.T) {
	url := official.start(t, "protocol")
	tests := []struct {
		name string
		run  func(t *testing.T, cfg client.Config)
	}{
		{"auth", testAuth},
		{"events", testEvents},
		{"acks", testAcks},
		{"burst", testBurst},
		{"refusals", testRefusals},
		{"server ends", testServerEnds},
		{"client ends", testClientEnds},
	}
	for _, way := range []string{client.WebSocket, client.Polling, client.Upgrade} {
		for _, tt := range tests {
			t.Run(way+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				tt.run(t, client.Config{URL: url, Transport: way})
			})
		}
	}
}

func testAuth(t *testing.T, cfg client.Config) {
	for _, namespace := range []string{"", "/custom"} {
		cfg.Namespace, cfg.Auth = namespace, json.RawMessage(`{"token":"é"}`)
		_, in, _ := dial(t, cfg)
		in.want(t, message{Name: "auth", Args: `{"token":"é"}`})
	}
}

func testEvents(t *testing.T, cfg client.Config) {
	c, in, _ := dial(t, cfg)
	in.want(t, message{Name: "auth", Args: `{}`})
	const args = `1,"é😀",{"a":[null,true,{"b":"\"\\\n"}]},[]`
	send(t, c.Send([]byte(`2["message",`+args+`]`)))
	in.want(t, message{Name: "message-back", Args: args})

	big := bytes.Repeat([]byte{7}, 100_000)
	const holes = `{"_placeholder":true,"num":0},{"x":[{"_placeholder":true,"num":1}]}`
	send(t, c.SendBinary([]byte(`52-["message",`+holes+`]`), []byte{0, 1, 255}, big))
	in.want(t, message{Name: "message-back", Args: holes, Attachments: []string{"\x00\x01\xff", string(big)}})
}

func testAcks(t *testing.T, cfg client.Config) {
	c, in, _ := dial(t, cfg)
	in.want(t, message{Name: "auth", Args: `{}`})
	send(t, c.Send([]byte(`27["message-with-ack",1,"two"]`)))
	in.want(t, message{Args: `1,"two"`, ID: 7, HasID: true})
	send(t, c.Send([]byte(`2["ask","why"]`)))
	question := in.next(t)
	if question.Name != "question" || question.Args != `"why"` || !question.HasID {
		t.Fatalf("got %+v, want a question with an id", question)
	}
	send(t, c.Send(fmt.Appendf(nil, `3%d["because"]`, question.ID)))
	in.want(t, message{Name: "answer", Args: `"because"`})
}

func testBurst(t *testing.T, cfg client.Config) {
	c, in, _ := dial(t, cfg)
	in.want(t, message{Name: "auth", Args: `{}`})
	const count = 2000
	for i := range count {
		send(t, c.Send(fmt.Appendf(nil, `2["message",%d]`, i)))
	}
	for i := range count {
		in.want(t, message{Name: "message-back", Args: fmt.Sprint(i)})
	}
}

func testRefusals(t *testing.T, cfg client.Config) {
	tests := []struct{ namespace, message, data string }{
		{"/nowhere", "Invalid namespace", ""},
		{"/refused", "not allowed", `{"user":1}`},
	}
	cfg.Auth = json.RawMessage(`{"user":1}`)
	for _, tt := range tests {
		cfg.Namespace = tt.namespace
		_, err := client.Dial(t.Context(), &cfg)
		var dialed *client.DialError
		var refused *client.ConnectError
		if !errors.As(err, &dialed) || !errors.As(err, &refused) {
			t.Fatalf("%s: error %v, want a DialError about a ConnectError", tt.namespace, err)
		}
		if dialed.Stage != "namespace" || dialed.Class != "connect_error" || refused.Message != tt.message || string(refused.Data) != tt.data {
			t.Errorf("%s: stage %q, class %q, message %q, data %s", tt.namespace, dialed.Stage, dialed.Class, refused.Message, refused.Data)
		}
	}
}

func testServerEnds(t *testing.T, cfg client.Config) {
	for _, bye := range []string{`2["bye"]`, `2["bye",true]`} {
		c, _, ended := dial(t, cfg)
		send(t, c.Send([]byte(bye)))
		wantEnd(t, ended, client.ServerDisconnect)
	}
}

func testClientEnds(t *testing.T, cfg client.Config) {
	c, _, ended := dial(t, cfg)
	c.Close()
	wantEnd(t, ended, client.ClientDisconnect)
}

func wantEnd(t *testing.T, ended <-chan error, reason string) {
	t.Helper()
	select {
	case err := <-ended:
		var end *client.CloseError
		if !errors.As(err, &end) || end.Reason != reason {
			t.Errorf("Run returned %v, want reason %q", err, reason)
		}
	case <-time.After(patience):
		t.Errorf("the session did not end")
	}
}

func send(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
