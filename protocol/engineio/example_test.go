package engineio_test

import (
	"fmt"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

// A polling body is read packet by packet.
func Example() {
	body := engineio.Handshake{
		SID:          "lv_VI97HAXpY6yYWAAAC",
		Upgrades:     []string{"websocket"},
		PingInterval: 25 * time.Second,
		PingTimeout:  20 * time.Second,
		MaxPayload:   1_000_000,
	}.AppendJSON([]byte{'0'})
	body = engineio.AppendPayload(body, engineio.Packet{Type: engineio.Message, Data: []byte("hello")})
	body = engineio.AppendPayload(body, engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2, 3, 4}})

	p := engineio.NewPayload(body)
	for p.Next() {
		switch packet := p.Packet(); {
		case packet.Type == engineio.Open:
			h, err := engineio.ParseHandshake(packet.Data)
			fmt.Println(h.SID, h.PingInterval, err)
		case packet.Binary:
			fmt.Printf("%v % x\n", packet.Type, packet.Data)
		default:
			fmt.Printf("%v %s\n", packet.Type, packet.Data)
		}
	}
	fmt.Println(p.Err())
	// Output:
	// lv_VI97HAXpY6yYWAAAC 25s <nil>
	// message hello
	// message 01 02 03 04
	// <nil>
}

// A client of revision 3 without binary support gets binary data as base64.
func ExampleAppendPayloadV3() {
	hello := engineio.Packet{Type: engineio.Message, Data: []byte("\u20ac 5")}
	data := engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2, 3, 4}}

	fmt.Printf("%s\n", engineio.AppendPayloadV3(engineio.AppendPayloadV3(nil, hello), data))
	body := engineio.AppendBinaryPayloadV3(engineio.AppendBinaryPayloadV3(nil, hello), data)
	fmt.Printf("%x\n", body)

	p := engineio.NewPayloadV3(body, true)
	for p.Next() {
		fmt.Println(p.Packet().Binary, string(p.Packet().Data) == "\u20ac 5")
	}
	fmt.Println(p.Err())
	// Output:
	// 4:4€ 510:b4AQIDBA==
	// 0006ff34e282ac20350105ff0401020304
	// false true
	// true false
	// <nil>
}

func ExampleAppendJSONP() {
	fmt.Printf("%s\n", engineio.AppendJSONP(nil, "3", []byte(`42["line\n"]`)))
	body, err := engineio.ParseJSONP([]byte(`d=42%5B%22hi%22%5D`))
	fmt.Printf("%s %v\n", body, err)
	// Output:
	// ___eio[3]("42[\"line\\n\"]");
	// 42["hi"] <nil>
}

// A stream arrives in pieces; a frame is decoded once all of it is there.
func ExampleParseFrame() {
	stream := engineio.AppendFrame(nil, engineio.Packet{Type: engineio.Message, Data: []byte("hello")})
	stream = engineio.AppendFrame(stream, engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2}})
	size, err := engineio.FrameSize(stream[:1], 1000)
	fmt.Println(size, err)
	for len(stream) > 0 {
		p, n, err := engineio.ParseFrame(stream, 1000)
		if n == 0 || err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Type, p.Binary, len(p.Data))
		stream = stream[n:]
	}
	// Output:
	// 7 <nil>
	// message false 5
	// message true 2
}
