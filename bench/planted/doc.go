// Package planted is a Socket.IO server that makes mistakes on purpose and keeps an exact account
// of them. A tool that measures servers can then be compared with the truth: what was planted
// beside what it reported.
//
// The server offers the events of the benchmark contract (join, leave, echo, room, all) over
// websocket, polling and the upgrade between them, with the JSON parser or MessagePack, with binary
// attachments, in any namespace, and connection state recovery. It is written for exactness and not
// for speed: one lock guards everything.
//
// A [Fault] says what goes wrong and how often. Counters decide, never chance: messages, calls,
// connections and recoveries are numbered from 1, and a fault hits each Every-th of what its kind
// concerns. Which receiver of a message is hit follows from the message's number. A Server is safe
// for concurrent use.
package planted
