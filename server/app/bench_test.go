package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/testclient"
)

// TestVolatile: what a request calls volatile is dropped at a client that does not read, which would
// be disconnected for anything else, and the client is sent what comes after it.
func TestVolatile(t *testing.T) {
	const messages = 400
	text := strings.Repeat("x", 64<<10)
	for request, mine := range map[string]bool{
		`["all","m",{"n":%d,"p":"%s"},false,true]`:            true,
		`["room","here","m",{"n":%d,"p":"%s"},false,true]`:    true,
		`["all","m",{"n":%d,"p":"%s"},true,true]`:             false,
		`["room","here","m",{"n":%d,"p":"%s"},"true","true"]`: false, // words are not true: everything is kept
	} {
		t.Run(request, func(t *testing.T) {
			srv, err := New("bench", server.Options{Times: testclient.NoPings})
			if err != nil {
				t.Fatal(err)
			}
			url := testclient.Serve(t, srv)
			c, other := testclient.Join(t, url, ""), testclient.Join(t, url, "")
			c.Send(`421["join","here"]`)
			if got := c.Next(); got != "431[]" {
				t.Fatal(got)
			}
			many := messages
			if strings.Contains(request, `"true"`) {
				many = 3
			}
			for i := range many {
				c.Send("42" + fmt.Sprintf(request, i, text))
			}
			c.Send(`42["all","done",0,true]`)
			for other.Next() != `42["done",0]` { // the server has passed on all before it: c may read now
			}
			c.Send(`427["echo","after"]`)
			got := 0
			for {
				packet := c.Next()
				if packet == `437["after"]` {
					break
				}
				if !strings.HasPrefix(packet, `42["m",{"n":`) {
					t.Fatalf("%.80s", packet)
				}
				got++
			}
			switch {
			case many < messages && got != many:
				t.Errorf("%d of %d messages that nobody called volatile", got, many)
			case many == messages && mine && (got == 0 || got == messages):
				t.Errorf("%d of %d volatile messages came to a client that did not read", got, messages)
			case many == messages && !mine && got != 0:
				t.Errorf("%d messages for the others", got)
			}
		})
	}
}

// Attachments belong to the data, which is passed on as it came. Where others are in ignored
// arguments, a receiver could not read the packet.
func TestAttachmentsAreOfTheData(t *testing.T) {
	c := dial(t)
	const placeholder = `{"_placeholder":true,"num":%d}`
	first, second := fmt.Sprintf(placeholder, 0), fmt.Sprintf(placeholder, 1)
	c.Send(`421["join","here"]`)
	if got := c.Next(); got != "431[]" {
		t.Fatal(got)
	}
	for _, args := range []string{
		`["all","m",` + first + `,` + second + `]`,
		`["all","m",` + first + `,false,` + second + `]`,
		`["room","here","m",` + first + `,false,false,` + second + `]`,
		`["room","here","m",` + first + `,false,false,null,` + second + `]`,
	} {
		c.Send("452-" + args)
		c.SendBinary(1)
		c.SendBinary(2)
		c.Send(`421["echo","after"]`)
		if got := c.Next(); got != `431["after"]` {
			t.Errorf("%s is passed on: %s", args, got)
		}
	}
	c.Send(`452-["all","m",[` + first + `,` + second + `],false,false]`)
	c.SendBinary(1)
	c.SendBinary(2)
	for _, want := range []string{`452-["m",[` + first + `,` + second + `]]`, "\x01", "\x02"} {
		if got := c.Next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
