package socketio_test

import (
	"fmt"

	"github.com/throng-io/throng/protocol/socketio"
)

// One side emits an event with a binary argument, the other decodes it.
func Example() {
	text, attachments, err := socketio.AppendEvent(nil, "/chat", 7, true, "upload",
		"photo.jpg", map[string]any{"body": []byte{0xff, 0xd8}, "size": 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text)

	var d socketio.Decoder
	packet, err := d.Text(text)
	fmt.Println(packet == nil, d.Pending(), err)
	for _, b := range attachments {
		packet, err = d.Binary(b)
	}
	fmt.Printf("%v %s %d %v\n", packet.Type, packet.Namespace, packet.ID, err)

	var file string
	var content struct {
		Body []byte `json:"body"`
		Size int    `json:"size"`
	}
	name, args, err := socketio.SplitEvent(packet.Data)
	if err == nil {
		err = socketio.Bind(args, packet.Binary, &file, &content)
	}
	fmt.Printf("%s %s % x %d %v\n", name, file, content.Body, content.Size, err)
	// Output:
	// 51-/chat,7["upload","photo.jpg",{"body":{"_placeholder":true,"num":0},"size":2}]
	// true 1 <nil>
	// BINARY_EVENT /chat 7 <nil>
	// upload photo.jpg ff d8 2 <nil>
}

func ExampleNextArg() {
	_, args, err := socketio.SplitEvent([]byte(`["move",{"x":1,"y":2},"fast"]`))
	for arg, rest := socketio.NextArg(args); arg != nil; arg, rest = socketio.NextArg(rest) {
		fmt.Printf("%s\n", arg)
	}
	fmt.Println(err)
	// Output:
	// {"x":1,"y":2}
	// "fast"
	// <nil>
}

// A server treats both parsers alike: it holds the Parser that it was set up with,
// and gives a client's messages to a Decoder that has the same.
func ExampleParser() {
	for _, parser := range []socketio.Parser{socketio.JSON, socketio.MessagePack} {
		b, attachments, err := parser.AppendEvent(nil, "/chat", 0, false, "move", map[string]int{"x": 1, "y": 2}, "fast")
		if err != nil {
			fmt.Println(err)
			return
		}
		d := socketio.Decoder{Parser: parser}
		var packet *socketio.Packet
		if parser.IsBinary() {
			packet, err = d.Binary(b)
		} else {
			packet, err = d.Text(b)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		var at struct{ X, Y int }
		var how string
		name, args, err := parser.SplitEvent(packet.Data)
		if err == nil {
			err = parser.Bind(args, packet.Binary, &at, &how)
		}
		fmt.Printf("%v: %d bytes, %d attachments: %s %v %s %v\n", parser, len(b), len(attachments), name, at, how, err)
	}
	// Output:
	// json: 36 bytes, 0 attachments: move {1 2} fast <nil>
	// msgpack: 40 bytes, 0 attachments: move {1 2} fast <nil>
}
