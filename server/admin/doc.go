// Package admin shows a server to the official Socket.IO Admin UI, and lets it act on its sockets:
// the page of the npm package @socket.io/admin-ui, which is also at https://admin.socket.io.
//
//	err := admin.Instrument(srv, admin.Options{User: "admin", PasswordHash: "$2y$10$..."})
//
// The UI is a client like others. It joins a namespace of its own, after it has shown its password,
// the secret of clients on the same machine (Options.Secret), or the id of an earlier login, and
// gets there:
//
//	session            after a login: the id that it may come back with
//	config             what it may do
//	all_sockets        the connected sockets; not in production
//	server_stats       every two seconds: sessions, sockets by namespace, and what
//	                   has happened in each second
//	socket_connected, socket_updated, socket_disconnected, room_joined, room_left,
//	event_received, event_sent
//	                   as it happens; not in production
//
// and may send emit, join, leave and _disconnect, unless ReadOnly is set.
//
// While no UI is connected nothing is gathered and no goroutine runs. The messages to a UI are
// bounded: events beyond Options.MaxEvents in a second, and sockets beyond Options.MaxSockets, are
// left out of it.
//
// The page comes from another origin as a rule, and sends cookies along: name that origin in
// server.Options.CORS, with Credentials. A person who may see the UI sees the headers of all
// clients, cookies included.
package admin
