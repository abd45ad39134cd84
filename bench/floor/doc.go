// Command floor is the cheapest honest way to broadcast without batching: the server that others
// are measured against.
//
// It is one thread over one epoll instance. A client's handshake is answered, its "40" makes it a
// member, and each message ["all", event, data] becomes one finished websocket frame that a plain
// loop writes to every member, one non-blocking write(2) per member and message. Nothing is queued,
// encoded or allocated per receiver, so only the kernel's cost is left: a cheaper server
// has joined messages, not written better loops.
//
// With --tls-cert and --tls-key each message is one record more: crypto/tls on the descriptor, with
// nothing between them. Clients that poll get the same head with each answer, and a broadcast is
// one finished answer that a plain loop writes to each held request.
//
// It speaks just enough for the generator of bench/fanout: the namespace "/", the events "all",
// "echo", "typed", "join" and "room", and of those that poll one connection a client, which only
// gets what a client on a websocket sends to "all". It sends no heartbeat and trusts its clients.
// Linux only.
package main
