package app

import (
	"fmt"
	"strings"
	"testing"
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
			c := dial(t, "bench")
			c.send(`421["join","here"]`)
			if got := c.next(); got != "431[]" {
				t.Fatal(got)
			}
			many := messages
			if strings.Contains(request, `"true"`) {
				many = 3
			}
			for i := range many {
				c.send("42" + fmt.Sprintf(request, i, text))
			}
			c.send(`427["echo","after"]`)
			got := 0
			for {
				packet := c.next()
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
