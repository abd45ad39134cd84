// Package signalling lets the clients of a Socket.IO server meet peer to peer: it carries the
// offers, answers and candidates by which browsers and other clients of WebRTC open connections to
// each other, and relays messages between those that cannot.
//
//	srv, err := server.New(server.Options{})
//	err = signalling.New(srv.Namespace, signalling.Options{
//		Authorize: func(s *server.Socket, a signalling.Action) error { return allowed(s, a.Room) },
//	})
//
// The package knows nothing of WebRTC but the size of what it carries, and needs no library of it.
//
// # Events
//
// Any client may use them; their names begin with "p2p:". A client sends:
//
//	p2p:join    {room}                   be a peer of the others in a room
//	p2p:leave   {room}
//	p2p:signal  {room, to?, data}        data, any JSON, to one peer, or without to to all others
//	p2p:relay   {room, to?}, message...  the message, any values with binary, to one peer or to all
//
// and gets:
//
//	p2p:peers   {room, you, peers}       it has joined: its id and those of the others
//	p2p:joined  {room, peer}             another one has joined
//	p2p:left    {room, peer}             one has left the room or the server
//	p2p:signal  {room, from, data}
//	p2p:relay   {room, from}, message...
//	p2p:refused {event, room, to?, code, reason}
//
// The id of a peer is the id of its socket. Events between two peers keep their order. A client may
// hear of a peer by p2p:joined, or get a signal of it, before p2p:peers lists it, and may hear of
// it twice. What goes to a peer that has left goes nowhere. A p2p:refused names the event that was
// not carried out, a code of the type Code, and the reason as a sentence. An acknowledgement, if a
// client asks for one, is empty, and says that the event has been handled, by a refusal or not.
//
// A client whose connection broke has left its rooms, also when it comes back as the same socket
// (server.Options.Recovery): it joins them again. Connections between peers need not end with that;
// that the peers hear p2p:left does not say why.
//
// # How peers use them
//
// What is in data is up to the peers. The page of `throng serve --app p2p` and the peer for Go,
// package scenario/peer, understand each other by the rules in the documentation of the latter.
package signalling
