// Package server is a Socket.IO server on fasthttp: protocol revision 5 over Engine.IO 4, with
// long-polling, websocket, and the upgrade between them. The clients of Socket.IO 3 and 4 connect
// to it; with Options.AllowEIO3 clients of Socket.IO 2 as well.
//
//	srv, err := server.New(server.Options{})
//	srv.OnConnect(func(s *server.Socket) { s.Join("lobby") })
//	srv.On("chat", server.Handle(func(s *server.Socket, text string) (bool, error) {
//		return true, srv.To("lobby").Emit("chat", s.ID(), text)
//	}))
//	err = srv.ListenAndServe(":3000")
//
// # Sending
//
// [Namespace], [Socket.To] and [Namespace.To] give a [Target], which sends to the sockets of rooms;
// [Socket.Emit] sends to one client. An event is encoded once, and laid out once in the bytes of a
// websocket frame, however many clients it goes to. Messages of one goroutine reach a socket in the
// order of the calls. Sending never waits for a client: what a connection does not take at once is
// queued for it, up to Limits.QueueBytes and QueuePackets, and a client that falls further behind,
// or reads almost nothing of it for as long as Times.WriteTimeout, is disconnected.
//
// # Receiving
//
// A [Handler] runs on the goroutine that reads the client's connection, for one event at a time. It
// may block: only its own client waits then, and [Socket.Context] ends when nobody does any more.
// [Handle] makes one of a function that takes and returns values of its own types. Others decode
// the arguments that they want by [Event.Bind].
//
// # Namespaces and rooms
//
// A connection may join several namespaces, each with its own handlers, rooms and middleware:
// [Server.Of] makes one, [Server.Dynamic] as many as clients ask for, within limits.
// [Namespace.Use] decides whether a client may join, [Namespace.UseEvent] which events get through.
// Rooms are joined by [Socket.Join], and come and go with their members.
//
// # Broken connections
//
// With [Options].Recovery a client whose connection broke comes back as the same socket, and gets
// the events that it missed. Without it, or too late, it joins anew: [Socket.Recovered] reports
// which.
//
// # Several servers
//
// Every operation that may concern sockets of other servers goes through an [Adapter]
// (Options.Adapter), whose default is a server that is alone. With one for several servers, a
// message to a Target reaches sockets everywhere, [Target.Fetch] lists them, [Target.Local] leaves
// sockets of other servers out, and [Namespace.ServerSideEmit] speaks to the servers themselves.
//
// # Strategies
//
// How a broadcast is delivered can be chosen (Options.Fanout), so that the ways can be compared
// under load: naive, serial, writers, sharded, batched. The results are the same, the costs are
// not.
package server
