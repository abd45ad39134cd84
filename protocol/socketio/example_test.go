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
