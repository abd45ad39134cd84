// Package client is the simulated client of a load run: made to be one of a hundred thousand in one
// process. It speaks Engine.IO 4 and Socket.IO 5 with the JSON or the MessagePack parser, over
// websocket, long-polling, or polling with the upgrade to websocket, and it works with any server
// that does. It joins one namespace, or several on one connection, or stays with bare Engine.IO.
//
// Config chooses three more protocols: [Engine3] is Socket.IO 2 (revision.go); Protocol [Frames] is
// frames of the server's own over a plain websocket (frames.go); Protocol [Events] is a stream of
// server-sent events, with HTTP requests in the other direction (events.go). To show what Socket.IO
// costs there are also three baselines without it, to the built-in server (plain.go).
//
// [Dial] goes through the stages of a connection and measures each: TCP, TLS, the engine's
// handshake, the namespace, the upgrade. It returns when all requested stages are complete; a
// failure is a [DialError] with the stage and a class to count by. [Client.Run] then reads on the
// caller's goroutine until the session ends, passes every event and acknowledgement to a [Handler],
// answers the server's pings, and returns the cause of the end in a [CloseError]. [Client.Send] may
// be called from anywhere meanwhile.
//
// # Receiving
//
// A message is handled where it was read: the frame is found in the read buffer, the packet is
// checked and split in place, and the handler gets slices of that buffer. There is no copy and no
// allocation, the clock is read once per read, and a burst of frames costs one system call. The
// whole packet is validated, its JSON included, because the one pass over it is cheap enough (70 ns
// for 120 bytes) that a client which counts deliveries need not trust what it did not look at.
//
// The buffer is borrowed. On plain TCP under Unix the client reads through the raw descriptor: it
// takes a buffer from a pool, tries to read, and puts the buffer back before it waits for more.
//
// A runner with many clients gives them to [Readers]: one goroutine for each processor reads the
// websockets without TLS, and learns from epoll which of them have something (loop_linux.go). While
// it waits such a client holds 1.2 KiB and its descriptor: no goroutine, no buffer, and one place
// in a heap of deadlines, at which its pings are looked for (package deadline). Everything else is
// read by [Client.Run], on a goroutine of 4 KiB: polls, TLS, slow readers, clients that ping by
// themselves, and all of them on other systems than Linux.
//
// Why not the websocket library: its client keeps a read buffer for each connection, allocates for
// each message, and must be asked for one message at a time through a reader that hides how many
// arrived together.
//
// # Sending
//
// Send frames the packet and offers it to the kernel without waiting. Only what the kernel does not
// take is queued, up to a limit, and a goroutine exists only as long as that queue is not empty. So
// a schedule can be played for thousands of clients by one goroutine, and a server that stops
// reading costs it nothing but [ErrBackpressure]. TLS cannot write without waiting, so there every
// packet goes through the queue. On polling the queue becomes the bodies of POSTs, one at a time,
// as full as maxPayload allows.
//
// # Upgrading
//
// Everything up to the namespace runs on polling. Then a GET is left pending while the websocket is
// opened and probed, as with the official client; when the probe is answered no new request is
// made, the GET is awaited, and the upgrade packet is sent. All that happens inside Dial, on one
// goroutine. What the server sends meanwhile is kept, with the time of its arrival, and delivered
// first by Run. While the probe lasts the client neither posts nor polls anew, so pings are
// answered when it is over; that is why it is limited to a part of the server's pingTimeout.
package client
