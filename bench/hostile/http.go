package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

// garbage sends what is no HTTP, or hardly.
func garbage(l *line) bool {
	l.say(one(noise(2000), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+noise(500), "GET\r\n\r\n", "\r\n\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		request("GET", "/socket.io/", ": empty"), request("GET", "/socket.io/", "X: a\x00b"), request("POST", path+"polling", "Transfer-Encoding: chunked")+"zz\r\n",
		request("GET", path+"polling", "Content-Length: -1"), "GET /socket.io/ HTTP/9.9\r\n\r\n"))
	return true
}

// refusals asks for what is refused.
func refusals(ctx context.Context, target string) bool {
	_, _ = exchange(ctx, target, one(
		request("GET", "/socket.io/?EIO=4&transport=__proto__"), request("GET", "/socket.io/?EIO=3&transport=polling"), request("GET", path+"websocket"),
		request("DELETE", path+"polling"), request("GET", path+"polling&sid="+noise(10)), request("GET", path+"polling&sid=unknown"), upgrade("&sid=unknown"),
		upgrade("", "Connection: close"), request("GET", "/elsewhere"), request("POST", path+"polling&sid=unknown", "Content-Length: 900000000")+strings.Repeat("a", 10_000)))
	return true
}

func longHeaders(l *line) bool {
	l.say("GET " + path + "polling HTTP/1.1\r\n")
	for i := 0; i < 5000 && l.err == nil; i++ {
		l.say(fmt.Sprintf("X-%d: %s\r\n", i, one("", "a", strings.Repeat("b", 500))))
	}
	return l.finished()
}

func largeBodies(ctx context.Context, target string) bool {
	head := path + "polling&sid=" + session(ctx, target)
	l := call(ctx, target)
	if l == nil {
		return true
	}
	defer l.close()
	l.say(one(
		request("POST", head, "Content-Length: 3000000"),
		request("POST", head, "Content-Length: 3000000", "Content-Type: multipart/form-data; boundary=b")+"--b\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n",
		request("POST", head, "Transfer-Encoding: chunked")+"2dc6c0\r\n"))
	for i := 0; i < 30 && l.err == nil; i++ {
		l.say(strings.Repeat("4", 100_000))
	}
	return l.finished()
}

// trickle says the rest a byte at a time.
func (l *line) trickle(rest string) bool {
	for i := 0; i < len(rest) && l.err == nil && machine.Pause(l.ctx, 200*time.Millisecond); i++ {
		l.say(rest[i : i+1])
	}
	return l.err != nil
}

func slowHeaders(l *line) bool {
	return l.trickle(request("GET", path+"polling", "X: "+strings.Repeat("a", 1000)))
}

func slowBody(ctx context.Context, target string) bool {
	sid := session(ctx, target)
	l := call(ctx, target)
	if l == nil {
		return true
	}
	defer l.close()
	l.say(request("POST", path+"polling&sid="+sid, "Content-Length: 900000") + strings.Repeat("4", 800_000))
	return l.trickle(strings.Repeat("4", 1000))
}

func halfOpen(l *line) bool {
	return l.finished()
}

// noNamespace opens a session and joins nothing, until the server has enough of it.
func noNamespace(ctx context.Context, target string) bool {
	if one(true, false) {
		return session(ctx, target) == ""
	}
	return on(socket(ctx, target, ""), (*line).finished)
}

// resets breaks a connection off at some moment of its upgrade.
func resets(ctx context.Context, target string) bool {
	l := call(ctx, target)
	if l == nil {
		return true
	}
	l.say(strings.Repeat(request("GET", "/elsewhere"), one(0, 0, 1, 3)) + upgrade(""))
	_ = machine.Pause(ctx, one(0, 0, time.Millisecond, 5*time.Millisecond))
	l.reset()
	return true
}

// probes opens upgrades of one session that are not completed, many at a time.
func probes(ctx context.Context, target string) bool {
	sid := session(ctx, target)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			l := call(ctx, target)
			if l == nil {
				return
			}
			defer l.close()
			l.say(upgrade("&sid=" + sid))
			if status, _ := l.answer(); status == 101 {
				l.say(text("2probe") + text("2probe") + text(one("5", "4x", "2probe", "")))
				_ = machine.Pause(ctx, 500*time.Millisecond)
			}
		})
	}
	all.Wait()
	return true
}

func overlaps(ctx context.Context, target string) bool {
	sid := session(ctx, target)
	_, _ = exchange(ctx, target, request("POST", path+"polling&sid="+sid, "Content-Length: 2")+"40")
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			if i%2 == 0 {
				_, _ = exchange(ctx, target, request("GET", path+"polling&sid="+sid, "Connection: close"))
				return
			}
			_, _ = exchange(ctx, target, request("POST", path+"polling&sid="+sid, "Content-Length: 13")+`42["echo",1]x`)
		})
	}
	all.Wait()
	return true
}

func packets(ctx context.Context, target string) bool {
	sid := session(ctx, target)
	body := "40\x1e" + strings.Repeat(one("6\x1e", "3\x1e", "\x1e", "4\x1e", `42["echo",1]`+"\x1e"), one(50_000, 60_000, 70_000)) + "3"
	status, _ := exchange(ctx, target, request("POST", path+"polling&sid="+sid, fmt.Sprint("Content-Length: ", len(body)), "Connection: close")+body)
	return status != 0
}
