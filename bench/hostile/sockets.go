package main

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

func badFrames(l *line) bool {
	l.say(one(
		noise(200), frame(0xc1, "x"), frame(0x83, "x"), frame(0xb1, "x"), frame(0x80, "continued"), frame(0x01, "a")+frame(0x81, "b"),
		"\x81\x01a", frame(0x09, "fragmented ping"), frame(0x89, strings.Repeat("p", 126)), frame(0x88, "\x03"), frame(0x88, "\x00\x01"),
		text("4\xff\xfe"), frame(0x88, "\x03\xe8\xff"), text("")))
	return l.finished()
}

func largeFrames(l *line) bool {
	l.say(string(header(0x81, one[uint64](1_000_001, 1<<31, 1<<62, 1<<63-1, 1<<64-1))) + strings.Repeat("a", 10_000))
	return l.finished()
}

func fragments(l *line) bool {
	l.say(frame(0x01, "42") + strings.Repeat(frame(0x00, one("", "a")), 10_000))
	return l.finished()
}

// endless sends most of a message and then a byte now and then.
func endless(l *line) bool {
	if one(true, false) {
		l.say(string(header(0x82, 900_000)) + strings.Repeat("a", 800_000))
		return l.trickle(strings.Repeat("a", 1000))
	}
	l.say(frame(0x02, strings.Repeat("a", 800_000)))
	for l.err == nil && machine.Pause(l.ctx, 100*time.Millisecond) {
		l.say(frame(0x00, "a") + frame(0x89, "ping"))
	}
	return l.err != nil
}

// bomb is a message of 64 MiB, compressed.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is right
	zeros := bytes.Repeat([]byte{'4'}, 1<<20)
	for range 64 {
		_, _ = w.Write(zeros)
	}
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
})

func bombs(ctx context.Context, target string) bool {
	l := socket(ctx, target, "/hostile", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover")
	if l == nil {
		return true
	}
	defer l.close()
	l.say(frame(0xc1, bomb()))
	return l.finished()
}

func badPackets(ctx context.Context, target string) bool {
	l := socket(ctx, target, one("/", "/hostile"))
	if l == nil {
		return true
	}
	defer l.close()
	l.say(text(one(
		"2", "2probe", "9", "x", "4", "47", `42{"a":1}`, `42[{"toString":"foo"}]`, `42["connect"]`, `450-["a"]`, `4599999999-["a"]`, `4511-["a"]`,
		`42["a",]`, `42["a"`, `4299999999999999999999["a"]`, `42/elsewhere,["a"]`, `40/`+strings.Repeat("n", 100_000), `44{"message":"no"}`, `40`,
		`42["a",`+strings.Repeat("[", 100_000), "42"+noise(1000), `43[1]`, `461-1[{"_placeholder":true,"num":0}]`)))
	l.say(frame(0x82, one("", "binary nobody announced", strings.Repeat("b", 100_000))))
	l.say(text("1"))
	return l.finished()
}

func attachments(l *line) bool {
	l.say(text(`4510-/hostile,["echo","` + strings.Repeat("a", 50_000) + `"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 10) + "]"))
	for range 9 {
		l.say(frame(0x82, strings.Repeat("b", 200_000)))
	}
	return l.finished()
}

func namespaces(ctx context.Context, target string) bool {
	l := socket(ctx, target, "")
	if l == nil {
		return true
	}
	defer l.close()
	for i := range 200 {
		l.say(text(fmt.Sprintf("40/hostile-%d,", i+one(0, 1000, 100_000))))
	}
	l.say(text("1"))
	return l.finished()
}

func rooms(l *line) bool {
	for i := range 12_000 {
		l.say(text(fmt.Sprintf(`42/hostile,["join","room-%d"]`, i)))
	}
	l.say(text("1"))
	return l.finished()
}

func unasked(l *line) bool {
	burst := strings.Repeat(text("3")+text("6")+text("5")+text("43/hostile,7[1]")+frame(0x89, "p")+frame(0x8a, "p"), 500)
	for range 10 {
		l.say(burst)
	}
	l.say(text("1"))
	return l.finished()
}

// stopped asks for more and more and reads nothing of it, with a heartbeat so as
// to seem alive. In "/" it gets what is sent to all as well.
func stopped(ctx context.Context, target string) bool {
	l := socket(ctx, target, "/")
	if l == nil {
		return true
	}
	defer l.close()
	ask := text(`42["echo","` + strings.Repeat("e", 50_000) + `"]`)
	for i := 0; l.err == nil && machine.Pause(ctx, 20*time.Millisecond); i++ {
		if i < 200 {
			l.say(ask)
		}
		l.say(text("3"))
	}
	return l.err != nil
}
