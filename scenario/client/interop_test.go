package client

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	library "github.com/fasthttp/websocket"
)

// The framing against an implementation of others: fasthttp/websocket serves.
// It checks our masks and headers, writes messages in fragments, mixes control
// frames in, and closes by the book.
func TestFramingAgainstLibrary(t *testing.T) {
	sizes := []int{0, 1, 7, 8, 119, 120, 125, 126, 1000, 4096, 65_530, 65_536, 300_000}
	served := make(chan error, 1)
	serve := func(ws *library.Conn) error {
		write := func(payload string, fragment int) error {
			w, err := ws.NextWriter(library.TextMessage)
			if err != nil {
				return err
			}
			for len(payload) > 0 { // each write that fills the buffer of 16 bytes becomes a fragment
				n := min(fragment, len(payload))
				if _, err := w.Write([]byte(payload[:n])); err != nil {
					return err
				}
				payload = payload[n:]
			}
			return w.Close()
		}
		if err := write(open(25000, 20000, ""), 1000); err != nil {
			return err
		}
		if _, payload, err := ws.ReadMessage(); err != nil || string(payload) != "40" {
			return fmt.Errorf("CONNECT: %q, %w", payload, err)
		}
		if err := write(`40{"sid":"s"}`, 3); err != nil {
			return err
		}
		pongs := 0
		ws.SetPongHandler(func(data string) error {
			if data == "p" {
				pongs++
			}
			return nil
		})
		for _, n := range sizes {
			body := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
			if err := ws.WriteMessage(library.PingMessage, []byte("p")); err != nil {
				return err
			}
			if err := write(`42["m","`+body+`"]`, 5000); err != nil {
				return err
			}
			// The client echoes event and attachment.
			kind, payload, err := ws.ReadMessage()
			if want := `42["m","` + body + `"]`; err != nil || kind != library.TextMessage || string(payload) != want {
				return fmt.Errorf("%d bytes: kind %d, %d bytes, %w", n, kind, len(payload), err)
			}
			if err := write(`451-["b",{"_placeholder":true,"num":0}]`, 7); err != nil {
				return err
			}
			attachment := bytes.Repeat([]byte{0xff, 0}, n/2)
			if err := ws.WriteMessage(library.BinaryMessage, attachment); err != nil {
				return err
			}
			if _, _, err := ws.ReadMessage(); err != nil {
				return err
			}
			kind, payload, err = ws.ReadMessage()
			if err != nil || kind != library.BinaryMessage || !bytes.Equal(payload, attachment) {
				return fmt.Errorf("attachment of %d bytes: kind %d, %d bytes, %w", len(attachment), kind, len(payload), err)
			}
		}
		if pongs != len(sizes) {
			return fmt.Errorf("%d pongs, want %d", pongs, len(sizes))
		}
		if err := ws.WriteMessage(library.CloseMessage, library.FormatCloseMessage(library.CloseServiceRestart, "again")); err != nil {
			return err
		}
		if _, _, err := ws.ReadMessage(); !library.IsCloseError(err, library.CloseServiceRestart) {
			return fmt.Errorf("the close was not echoed: %w", err)
		}
		return nil
	}
	upgrader := library.Upgrader{WriteBufferSize: 16}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			served <- err
			return
		}
		defer ws.Close()
		served <- serve(ws)
	}))
	t.Cleanup(server.Close)
	c := dial(t, &Config{URL: server.URL})
	ended := run(t, c, echo{c})
	e := ends(t, ended, TransportClose)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(e, `1012 "again"`) {
		t.Error(e)
	}
}

// echo sends what it hears.
type echo struct{ c *Client }

func (h echo) Event(m *Message) {
	if len(m.Attachments) > 0 {
		_ = h.c.SendBinary(fmt.Appendf(nil, `5%d-["%s",%s]`, len(m.Attachments), m.Name, m.Args), m.Attachments...)
		return
	}
	_ = h.c.Send(fmt.Appendf(nil, `2["%s",%s]`, m.Name, m.Args))
}

func (h echo) Ack(*Message) {}
