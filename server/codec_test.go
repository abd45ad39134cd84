package server_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// envelope is a codec that puts a packet and its attachments into one JSON object: as binary if
// there are any.
type envelope struct {
	P string
	A [][]byte `json:",omitempty"`
}

func (envelope) Encode(packet []byte, attachments [][]byte) ([]byte, bool) {
	b, _ := json.Marshal(envelope{string(packet), attachments}) // of a text and bytes: nothing to fail
	return b, len(attachments) > 0
}

func (envelope) Decode(data []byte, _ bool) ([]byte, [][]byte, error) {
	var e envelope
	err := json.Unmarshal(data, &e)
	if e.P == "boom" {
		panic(errors.New("boom"))
	}
	return []byte(e.P), e.A, err
}

func codecServer(t *testing.T, o server.Options) string {
	o.Codec, o.Logger = envelope{}, silent
	srv, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.On("back", func(s *server.Socket, e *server.Event) error {
		args, attachments := e.Raw()
		if e.WantsAck() {
			return e.AckRaw(args, attachments)
		}
		s.Namespace().Everyone().EmitRaw("all", args, attachments)
		return nil
	})
	return serve(t, srv)
}

func TestCodec(t *testing.T) {
	base := codecServer(t, server.Options{Recovery: &server.Recovery{}})
	join := func() *wire {
		w := open(t, base, "/socket.io/", "")
		w.send(`4{"P":"0"}`)
		w.expectPrefix(`4{"P":"0{\"sid\":\"`)
		return w
	}
	one, other := join(), join()
	one.send(`4{"P":"27[\"back\",1]"}`)
	one.expect(`4{"P":"37[1]"}`)
	one.sendBinary(`{"P":"51-8[\"back\",{\"_placeholder\":true,\"num\":0}]","A":["AQI="]}`)
	one.expectBinary(`{"P":"61-8[{\"_placeholder\":true,\"num\":0}]","A":["AQI="]}`)
	one.send(`4{"P":"2[\"back\",\"x\"]"}`)
	for _, w := range []*wire{one, other} { // with the offset of the recovery
		w.expectPrefix(`4{"P":"2[\"all\",\"x\",\"`)
	}
}

func TestCodecsInputIsChecked(t *testing.T) {
	base := codecServer(t, server.Options{Limits: server.Limits{MaxAttachments: 2}})
	for name, packet := range map[string]string{
		"not the codec's":         `2["back"]`,
		"no packet":               `{"P":"x"}`,
		"attachments are missing": `{"P":"52-[\"back\"]","A":["AQI="]}`,
		"one too many":            `{"P":"51-[\"back\",{\"_placeholder\":true,\"num\":0}]","A":["AQI=","AQI="]}`,
		"nobody refers to it":     `{"P":"2[\"back\"]","A":["AQI="]}`,
		"beyond the limit":        `{"P":"53-[\"back\"]","A":["","",""]}`,
		"a panic":                 `{"P":"boom"}`,
	} {
		w := open(t, base, "/socket.io/", "")
		w.send(`4{"P":"0"}`)
		w.expectPrefix(`4{"P":"0{\"sid\":\"`)
		w.send("4" + packet)
		if kind, data, err := w.next(); err == nil || websocket.IsUnexpectedCloseError(err, websocket.CloseNormalClosure, websocket.CloseNoStatusReceived, websocket.CloseGoingAway, websocket.ClosePolicyViolation) {
			t.Errorf("%s: %d %q, %v; want the end of the connection", name, kind, data, err)
		}
	}
}

func TestCodecAndParserExclude(t *testing.T) {
	if _, err := server.New(server.Options{Codec: envelope{}, Parser: 1}); err == nil {
		t.Error("both were taken")
	}
}

// stubborn is a codec that cannot encode the answer to a CONNECT.
type stubborn struct{ envelope }

func (c stubborn) Encode(packet []byte, attachments [][]byte) ([]byte, bool) {
	if packet[0] == '0' {
		panic("on purpose")
	}
	return c.envelope.Encode(packet, attachments)
}

// A codec that panics ends neither the process nor the connection: its packet is not sent.
func TestCodecThatCannotEncode(t *testing.T) {
	srv, err := server.New(server.Options{Codec: stubborn{}, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("back", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
	w := open(t, serve(t, srv), "/socket.io/", "")
	w.send(`4{"P":"0"}`)
	w.expect("6")
	w.send(`4{"P":"27[\"back\",1]"}`)
	w.expect(`4{"P":"37[1]"}`)
	if n := srv.Stats().HandlerPanics; n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}
