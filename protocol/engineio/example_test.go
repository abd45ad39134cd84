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
