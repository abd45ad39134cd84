// Package plain serves the benchmark contract without Socket.IO, over bare websockets, server-sent
// events and short polling: the baselines that show what the protocol costs.
//
// A message is a JSON list. A client asks by [event, args...], or by [id, event, args...] where it
// wants an acknowledgement, which is [id, args...]; a delivery is [event, data]. The events are the
// same as in the benchmark contract: join, leave, echo, room, all.
//
//	GET  /plain/ws              websocket; each text message is one
//	GET  /plain/sse             text/event-stream; the first event is the session's id, each other one a message
//	POST /plain/sse?sid=ID      messages, one a line
//	POST /plain/poll            a new session; the answer is its id
//	GET  /plain/poll?sid=ID     what has come since the last time, one message a line, at once
//	POST /plain/poll?sid=ID     messages, one a line
//
// All of them share one hub: rooms and broadcasts reach every plain client, and no client of
// Socket.IO. A message is encoded once for each transport that receivers use. Each connection has a
// reader and a writer with a bounded queue between hub and writer; a client that falls behind is
// disconnected. A session of short polling is a buffer with a limit, and ends when it is not
// polled.
package plain
