package client

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A balancer notes its node in a cookie, on the handshake and on later answers. With its jar a
// client has the cookie on every request of every transport, and when it comes back.
func TestCookiesOutliveConnections(t *testing.T) {
	for _, transport := range []string{WebSocket, Polling, Upgrade} {
		t.Run(transport, func(t *testing.T) {
			var mu sync.Mutex
			var came []string // the cookies of each request
			url := listen(t, func(p *peer) {
				for polls := 0; ; {
					req, _ := p.request()
					if req == nil {
						return
					}
					mu.Lock()
					came = append(came, req.Header.Get("Cookie"))
					mu.Unlock()
					if req.Header.Get("Upgrade") != "" {
						p.put("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: node=b; Path=/\r\nSec-WebSocket-Accept: " + acceptKey(req) + "\r\n\r\n")
						if req.URL.Query().Get("sid") == "" {
							p.put(text(open(25000, 20000, "")))
							p.expect("40")
							p.put(text(`40{"sid":"public"}`))
						} else {
							p.expect("2probe")
							p.put(text("3probe"))
						}
						p.slurp()
						return
					}
					body := `40{"sid":"public"}`
					switch {
					case req.URL.Query().Get("sid") == "":
						body = open(25000, 20000, `"websocket"`)
					case req.Method == http.MethodPost:
						body = "ok"
					case polls > 0: // the GET beside the probe
						body = "6"
					default:
						polls++
					}
					p.put("HTTP/1.1 200 OK\r\nSet-Cookie: node=b; Path=/\r\nSet-Cookie: far=1; Path=/far\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
				}
			})
			var jar Jar
			for range 2 {
				cfg := &Config{URL: url, Transport: transport, Jar: &jar, Header: map[string][]string{"Cookie": {"own=1; far=mine"}}}
				c := dial(t, cfg)
				if c.UpgradeErr != nil {
					t.Error(c.UpgradeErr)
				}
				c.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			if len(came) < 2 || came[0] != "own=1; far=mine" {
				t.Fatalf("requests with the cookies %q", came)
			}
			for _, c := range came[1:] {
				if c != "own=1; far=mine; node=b" {
					t.Errorf("a request with the cookies %q", c)
				}
			}
		})
	}
}

// A cookie that has ended is sent no more, also within a session.
func TestCookiesEnd(t *testing.T) {
	f := cookieField{jar: new(Jar), url: (&target{host: "h:1", path: "/socket.io/"}).page()}
	f.take([]byte("Set-Cookie: a=1; Max-Age=1\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3; Secure\r\nSet-Cookie: d=4; Domain=elsewhere.test\r\nSet-Cookie: ;;\r\n"))
	if got := sorted(f.get()); got != "a=1 b=2" {
		t.Errorf("cookies %q", got)
	}
	f.take([]byte("Set-Cookie: a=; Expires=" + time.Unix(1, 0).UTC().Format(http.TimeFormat) + "\r\n"))
	if got := sorted(f.get()); got != "b=2" {
		t.Errorf("cookies %q after one was deleted", got)
	}
}

// A server that sets ever new cookies, or long ones, fills neither the memory nor the requests.
func TestCookiesAreBounded(t *testing.T) {
	var jar Jar
	page := (&target{host: "h:1", path: "/socket.io/"}).page()
	for i := range 3 * maxCookies {
		jar.SetCookies(page, []*http.Cookie{{Name: strconv.Itoa(i), Value: "1"}})
	}
	jar.SetCookies(page, []*http.Cookie{{Name: "0", Value: "2"}, {Name: "1", Value: strings.Repeat("x", maxCookie)}})
	got := map[string]string{}
	for _, c := range jar.Cookies(page) {
		got[c.Name] = c.Value
	}
	if len(got) != maxCookies || got["0"] != "2" || got["1"] != "1" {
		t.Errorf("%d cookies, the first of them %q and %.10q; want %d, 2 and 1", len(got), got["0"], got["1"], maxCookies)
	}
}

func sorted(cookies string) string {
	list := strings.Split(cookies, "; ")
	slices.Sort(list)
	return strings.Join(list, " ")
}
