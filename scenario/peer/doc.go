// Package peer is a peer for Go: a client of Socket.IO that opens data channels of WebRTC to the
// other clients in a room, by the events of package server/signalling, and falls back to the relay
// of the server where peers cannot meet, as socket.io-p2p did. Browsers are peers like it: see the
// page of `throng serve --app p2p`.
//
//	c, err := client.Dial(ctx, &client.Config{URL: url})
//	mesh, err := peer.New(peer.Config{Room: "lobby", Emit: peer.Over(c, socketio.JSON, ""), Message: show})
//	go c.Run(handler) // whose Event calls mesh.Event first
//	err = mesh.Join()
//	direct, relayed, failed := mesh.Broadcast([]byte("hello"), false)
//
// A Mesh has one connection to each other peer. A message to a peer goes by the data channel if
// that is open, and else by the server: until the channel opens, and from then on if it has not
// opened within Config.Timeout, or broke. Config.Peer hears of both, with the stage that failed.
// There is no further attempt unless the other peer makes one, or one of them leaves the room and
// joins it. The messages of one way keep their order; a message by the channel may overtake one
// that went by the server before.
//
// The stack underneath is github.com/pion/webrtc, which only a program that imports this package
// contains.
//
// # How peers understand each other
//
// Data of p2p:signal is one of
//
//	{"call": id, "description": {"type": "offer" or "answer", "sdp": text}}
//	{"call": id, "candidate": RTCIceCandidateInit}      as soon as there is one (RFC 8838)
//	{"call": id, "failed": stage}                       the sender has given up, and uses the relay
//
// Of two peers, the one whose id is less, compared byte by byte, makes the offer and the id of the
// call, which is random; signals of another call than the last one are left out. Both sides have
// made the channel beforehand: negotiated, with the id 0, ordered and reliable (RFC 8831), so that
// no further message opens it.
//
// A message of the channel holds at most 65 535 bytes, which is what every stack takes. It is a
// text message as it is, or a binary message that begins with a byte:
//
//	0  a binary message follows
//	1  the first part of a longer one follows behind 5 bytes: 0 for text or 1 for binary, and the
//	   size of the whole in bytes, 32 bits, the most significant first
//	2  a further part follows; the last one completes the size exactly
//
// Parts of one message follow each other directly. A peer that sends anything else, or more than
// Config.MaxMessage says, has its channel closed.
//
// By the relay a text is a string, and a binary message is binary; any other value comes as its
// JSON text.
package peer
