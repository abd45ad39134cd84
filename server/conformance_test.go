package server_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// The groups of cases are those of the Autobahn test suite for WebSocket servers, against a server
// that echoes Engine.IO messages. Each case is sent at once and byte by byte, over every link.

// A conversation is what a client sends in frames, and what it gets.
type conversation struct {
	name string
	send string
	want []answer
	code int // of the close frame that follows; stays: none does
}

// An answer is a frame from the server.
type answer struct {
	first byte
	data  string
}

// atOnce begins the name of a case that is not sent byte by byte: a server does not wait for what
// follows a close frame, and what comes too late resets the connection.
const atOnce = "at once: "

// stays is the code of a connection that is not closed.
const stays = -1

// echo is the answer to a text message.
func echo(text string) answer { return answer{0x81, text} }

func pong(data string) answer { return answer{0x8a, data} }

const conformingPayload = 70_000

func TestConformance(t *testing.T) {
	opts := server.Options{Engine: app.Echo, Limits: server.Limits{MaxPayload: conformingPayload}, Times: server.Times{PingInterval: server.Never}}
	converse(t, opts, "", map[string][]conversation{
		"1 echoes": echoes(), "2 pings and pongs": pings(), "3 reserved bits": reservedBits(), "4 opcodes": opcodes(),
		"5 fragments": fragments(), "6 UTF-8": encodings(), "7 closing": closings(), "9 limits": limits(),
	})
}

func TestConformanceWithCompression(t *testing.T) {
	opts := server.Options{Engine: app.Echo, Limits: server.Limits{MaxPayload: conformingPayload}, Times: server.Times{PingInterval: server.Never}, PerMessageDeflate: true}
	converse(t, opts, "Sec-WebSocket-Extensions: permessage-deflate\r\n", map[string][]conversation{
		"12 compressed": compressed(), "1 echoes": echoes()[:6], "5 fragments": fragments()[1:],
	})
}

// converse holds conversations over every link.
func converse(t *testing.T, opts server.Options, header string, groups map[string][]conversation) {
	everyLink(t, func(t *testing.T, serve serving) {
		srv, err := server.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		base := serve(t, srv)
		request := strings.Replace(upgradeRequest, "/socket.io/", "/engine.io/", 1)
		request = strings.TrimSuffix(request, "\r\n") + header + "\r\n"
		for name, cases := range groups {
			t.Run(name, func(t *testing.T) {
				for _, c := range cases {
					for _, step := range []int{len(c.send), 1} {
						switch {
						case step == 1 && strings.HasPrefix(c.name, atOnce):
							continue
						case step == 1 && len(c.send) > 2000:
							step = 997
						}
						b := bareOn(t, connectTo(t, base), request)
						b.expect(0x81, "0{")
						c.hold(b, fmt.Sprintf("%s, by %d bytes", c.name, step), step)
						_ = b.Close()
					}
				}
			})
		}
	})
}

// hold holds the conversation on a connection.
func (c conversation) hold(b *bare, name string, step int) {
	b.t.Helper()
	send := c.send
	if c.code == stays {
		send += masked(0x89, "still here")
		c.want = append(slices.Clip(c.want), pong("still here"))
	}
	for piece := range slices.Chunk([]byte(send), max(1, step)) {
		if _, err := b.Write(piece); err != nil {
			break // the server need not read on behind a violation
		}
	}
	for i, want := range c.want {
		if first, data := b.frame(); first != want.first || data != want.data {
			b.t.Errorf("%s: answer %d is %x %.40q, want %x %.40q", name, i, first, data, want.first, want.data)
			return
		}
	}
	if c.code == stays {
		return
	}
	want := ""
	if c.code != 0 {
		want = string(binary.BigEndian.AppendUint16(nil, uint16(c.code)))
	}
	if first, data := b.frame(); first != 0x88 || data != want {
		b.t.Errorf("%s: answered by %x %.40q, want a close frame with %d", name, first, data, c.code)
		return
	}
	_ = b.Conn.(interface{ CloseWrite() error }).CloseWrite()
	if first, data := b.frame(); first != 0 || data != io.EOF.Error() {
		b.t.Errorf("%s: after the close frame came %x %.40q", name, first, data)
	}
}

func echoes() (all []conversation) {
	for _, n := range []int{1, 2, 125, 126, 127, 128, 65535, 65536, conformingPayload} {
		text, data := "4"+strings.Repeat("*", n-1), strings.Repeat("\xfe", n)
		all = append(all,
			conversation{fmt.Sprint("text of ", n), masked(0x81, text), []answer{echo(text)}, stays},
			conversation{fmt.Sprint("binary of ", n), masked(0x82, data), []answer{{0x82, data}}, stays})
	}
	return append(all, conversation{"binary of 0", masked(0x82, ""), []answer{{0x82, ""}}, stays})
}

func pings() []conversation {
	var ten conversation
	for i := range 10 {
		ten.send += masked(0x89, fmt.Sprint("ping ", i))
		ten.want = append(ten.want, pong(fmt.Sprint("ping ", i)))
	}
	return []conversation{
		{"empty", masked(0x89, ""), []answer{pong("")}, stays},
		{"text", masked(0x89, "Hello, world!"), []answer{pong("Hello, world!")}, stays},
		{"binary", masked(0x89, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), []answer{pong("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, stays},
		{"125 bytes", masked(0x89, strings.Repeat("\xfe", 125)), []answer{pong(strings.Repeat("\xfe", 125))}, stays},
		{"126 bytes", masked(0x89, strings.Repeat("\xfe", 126)), nil, 1002},
		{"a pong that nobody asked for", masked(0x8a, "") + masked(0x8a, "unasked"), nil, stays},
		{"a pong and a ping", masked(0x8a, "unasked") + masked(0x89, "ping"), []answer{pong("ping")}, stays},
		{"126 bytes of pong", masked(0x8a, strings.Repeat("x", 126)), nil, 1002},
		{"ten at once", ten.send, ten.want, stays},
	}
}

func reservedBits() (all []conversation) {
	for rsv := byte(0x10); rsv <= 0x70; rsv += 0x10 {
		for what, first := range map[string]byte{"text": 0x81, "binary": 0x82, "ping": 0x89, "pong": 0x8a, "close": 0x88, "first fragment": 0x01} {
			send := masked(0x81, "4good") + masked(first|rsv, "4x") + masked(0x89, "ping")
			all = append(all, conversation{fmt.Sprintf("%#x on %s", rsv, what), send, []answer{echo("4good")}, 1002})
		}
		all = append(all, conversation{fmt.Sprintf("%#x on a continuation", rsv), masked(0x01, "4") + masked(0x80|rsv, "x"), nil, 1002})
	}
	return all
}

func opcodes() (all []conversation) {
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "4x"} {
			send := masked(0x81, "4good") + masked(0x80|op, payload) + masked(0x89, "ping")
			all = append(all, conversation{fmt.Sprintf("%d with %q", op, payload), send, []answer{echo("4good")}, 1002})
		}
	}
	return append(all,
		conversation{"text without a mask", "\x81\x024x", nil, 1002},
		conversation{"ping without a mask", "\x89\x00", nil, 1002},
		conversation{"continuation without a mask", masked(0x01, "4") + "\x80\x01x", nil, 1002},
		conversation{"close without a mask", "\x88\x00", nil, 1002},
		conversation{"a key of zeros", "\x81\x82\x00\x00\x00\x004x", []answer{echo("4x")}, stays},
		conversation{"a length longer than necessary", "\x81\xfe\x00\x02\x00\x00\x00\x004x", []answer{echo("4x")}, stays},
		conversation{"a length with its highest bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x004x", nil, 1002})
}

func fragments() []conversation {
	begin, end := masked(0x01, "4frag"), masked(0x80, "ment")
	whole := echo("4fragment")
	many := conversation{"64 KiB in fragments of 1 300", masked(0x01, "4"), []answer{echo("4" + strings.Repeat("*", 52_000))}, stays}
	for range 40 {
		many.send += masked(0x00, strings.Repeat("*", 1300))
	}
	many.send += masked(0x80, "")
	crowded := conversation{"pings between all fragments", masked(0x01, "4"), nil, stays}
	for i := range 5 {
		crowded.send += masked(0x89, fmt.Sprint(i)) + masked(0x8a, "pong") + masked(0x00, fmt.Sprint(i))
		crowded.want = append(crowded.want, pong(fmt.Sprint(i)))
	}
	crowded.send += masked(0x80, "")
	crowded.want = append(crowded.want, echo("401234"))
	return []conversation{
		many, crowded,
		{"two", begin + end, []answer{whole}, stays},
		{"two messages", begin + end + begin + end, []answer{whole, whole}, stays},
		{"binary", masked(0x02, "\xfe") + masked(0x80, "\xff"), []answer{{0x82, "\xfe\xff"}}, stays},
		{"empty ones", masked(0x01, "") + masked(0x00, "") + masked(0x00, "4") + masked(0x00, "") + masked(0x80, ""), []answer{echo("4")}, stays},
		{"all empty, binary", masked(0x02, "") + masked(0x00, "") + masked(0x80, ""), []answer{{0x82, ""}}, stays},
		{"ping between", begin + masked(0x89, "ping") + end, []answer{pong("ping"), whole}, stays},
		{"fragmented ping", masked(0x09, "ping") + masked(0x80, "x"), nil, 1002},
		{"fragmented pong", masked(0x0a, "pong") + masked(0x80, "x"), nil, 1002},
		{"fragmented close", masked(0x08, "\x03\xe8"), nil, 1002},
		{"long ping between", begin + masked(0x89, strings.Repeat("x", 126)) + end, nil, 1002},
		{"lone last continuation", masked(0x80, "4x"), nil, 1002},
		{"lone continuation", masked(0x00, "4x") + begin, nil, 1002},
		{"continuation behind a whole message", masked(0x81, "4good") + masked(0x80, "x"), []answer{echo("4good")}, 1002},
		{"continuation behind the last", begin + end + masked(0x00, "x") + masked(0x80, "x"), []answer{whole}, 1002},
		{"text inside", begin + masked(0x81, "4x") + end, nil, 1002},
		{"binary inside", begin + masked(0x82, "x") + end, nil, 1002},
		{"another beginning inside", begin + begin + end, nil, 1002},
		{atOnce + "close inside", begin + masked(0x88, "\x03\xe8") + end, nil, 1000},
	}
}

func encodings() (all []conversation) {
	// One frame for each byte, so that characters are cut everywhere.
	cut := func(text string) string {
		b := masked(0x01, "")
		for i := range len(text) {
			b += masked(0x00, text[i:i+1])
		}
		return b + masked(0x80, "")
	}
	for _, text := range []string{
		"Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!", "\u03ba\u1f79\u03c3\u03bc\u03b5", "\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff",
		"\ud7ff", "\ue000", "\ufffd", "\uffff", "\U0010ffff", "\ufeff", "\U0001f600",
	} {
		all = append(all,
			conversation{fmt.Sprintf("%q", text), masked(0x81, "4"+text), []answer{echo("4" + text)}, stays},
			conversation{fmt.Sprintf("%q, cut", text), cut("4" + text), []answer{echo("4" + text)}, stays})
	}
	for _, bad := range []string{
		"\x80", "\xbf", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff",
		"\u03ba\u1f79\u03c3\xed\xa0\x80edited",
	} {
		all = append(all,
			conversation{fmt.Sprintf("%q", bad), masked(0x81, "4good") + masked(0x81, "4"+bad), []answer{echo("4good")}, 1007},
			conversation{fmt.Sprintf("%q, cut", bad), cut("4" + bad), nil, 1007},
			conversation{fmt.Sprintf("%q, binary", bad), masked(0x82, bad), []answer{{0x82, bad}}, stays})
	}
	return all
}

func closings() []conversation {
	closing := func(code int, reason string) string {
		return masked(0x88, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
	}
	all := []conversation{
		{"without a code", masked(0x88, ""), nil, 0},
		{"behind a message", masked(0x81, "4x") + closing(1000, ""), []answer{echo("4x")}, 1000},
		{atOnce + "twice", closing(1000, "") + closing(1001, ""), nil, 1000},
		{atOnce + "what follows is not answered", closing(1000, "") + masked(0x89, "ping") + masked(0x81, "4x"), nil, 1000},
		{"half a code", masked(0x88, "\x03"), nil, 1002},
		{"a reason", closing(1000, "Hello world!"), nil, 1000},
		{"a reason of 123 bytes", closing(1000, strings.Repeat("*", 123)), nil, 1000},
		{"a reason of 124 bytes", closing(1000, strings.Repeat("*", 124)), nil, 1002},
		{"a reason that is not UTF-8", closing(1000, "\xce\xba\xed\xa0\x80"), nil, 1007},
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		all = append(all, conversation{fmt.Sprint("code ", code), closing(code, "bye"), nil, code})
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		all = append(all, conversation{fmt.Sprint("code ", code), closing(code, ""), nil, 1002})
	}
	return all
}

func limits() []conversation {
	over := strings.Repeat("4", conformingPayload+1)
	half := over[:conformingPayload/2]
	return []conversation{
		{"text above the limit", masked(0x81, over), nil, 1009},
		{"its header", masked(0x81, over)[:14], nil, 1009},
		{"a header of 8 EiB", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", nil, 1009},
		{"fragments up to it", masked(0x01, half) + masked(0x80, half), []answer{echo(half + half)}, stays},
		{"fragments above it", masked(0x01, half) + masked(0x00, half) + masked(0x80, "x"), nil, 1009},
		{"more fragments than allowed", masked(0x02, "") + strings.Repeat(masked(0x00, ""), 5000), nil, 1009},
	}
}

func compressed() []conversation {
	pack := func(text string) string {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is one there is
		_, _ = io.WriteString(w, text)
		_ = w.Flush()
		return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
	}
	hello := []answer{{0x82, "Hello"}}
	long := strings.Repeat("x", conformingPayload)
	packed := pack("4fragment")
	return []conversation{
		// The examples of RFC 7692, section 7.2.3, but for the second, which needs context
		// takeover.
		{"one block", masked(0xc2, "\xf2\x48\xcd\xc9\xc9\x07\x00"), hello, stays},
		{"a block without compression", masked(0xc2, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), hello, stays},
		{"a block with BFINAL", masked(0xc2, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello, stays},
		{"two blocks", masked(0xc2, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), hello, stays},
		{"in fragments", masked(0x42, "\xf2\x48\xcd") + masked(0x80, "\xc9\xc9\x07\x00"), hello, stays},
		{"nothing", masked(0xc2, "\x00"), []answer{{0x82, ""}}, stays},
		{"text", masked(0xc1, packed), []answer{echo("4fragment")}, stays},
		{"text and one that is not compressed", masked(0xc1, packed) + masked(0x81, "4x"), []answer{echo("4fragment"), echo("4x")}, stays},
		{"fragments with a ping", masked(0x41, packed[:3]) + masked(0x89, "ping") + masked(0x80, packed[3:]), []answer{pong("ping"), echo("4fragment")}, stays},
		{"many fragments", masked(0x41, "") + masked(0x00, packed[:5]) + masked(0x00, "") + masked(0x80, packed[5:]), []answer{echo("4fragment")}, stays},
		{"RSV1 on a continuation", masked(0x41, packed[:3]) + masked(0xc0, packed[3:]), nil, 1002},
		{"RSV1 on a ping", masked(0xc9, ""), nil, 1002},
		{"RSV1 on a close", masked(0xc8, ""), nil, 1002},
		{"RSV2", masked(0xa1, "4x"), nil, 1002},
		{"RSV1 and RSV3", masked(0xd1, packed), nil, 1002},
		{"no stream", masked(0xc1, "\xff\xff\xff"), nil, 1007},
		{"a block of an unknown kind", masked(0xc2, "\x06\x00"), nil, 1007},
		{"no UTF-8", masked(0xc1, pack("4\xff")), nil, 1007},
		{"above the limit", masked(0xc2, pack(long+"x")), nil, 1009},
		{"far above it", masked(0xc2, pack(strings.Repeat(long, 100))), nil, 1009},
		{"above it without compression", masked(0x82, long+"x"), nil, 1009},
	}
}
