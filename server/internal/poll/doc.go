// Package poll holds connections that cost almost nothing while nothing happens: no parked
// goroutine, no buffer, no entry in the runtime's poller.
//
// A [Poller] is one epoll instance and a few workers. A [Conn] is a socket that was taken over from
// a net.Conn ([Poller.Take] duplicates its descriptor, so that the owner of the net.Conn can close
// it at any time). When a socket has something to read, a worker calls its owner's Ready with a
// buffer that the worker owns. One worker at a time is at work for a Conn.
//
// A Conn may have TLS on it ([Secure]): what is read and written is then in the clear, and all the
// rest is as without. It keeps the state of crypto/tls while it is idle, about 9 KiB.
//
// # The workers
//
// Leader and followers: of the workers that have nothing to do one, the leader, waits for readiness
// and the others wait for it. A leader that finds sockets ready puts them into the queue, gives the
// lead away, and works on the queue itself; as long as sockets are ready, it goes on without a
// single switch of goroutines. Before a worker calls Ready it makes sure that somebody leads or is
// about to: so Ready may block, and holds up its own socket and no other. A worker is added when
// there is nobody left to lead, and ends when too many have nothing to do.
//
// The leader does not wait in the kernel. The epoll instance is a file that the runtime's own
// poller watches, so waiting parks a goroutine and no thread, and Close ends it like any other
// read.
//
// # Readiness
//
// Events are edge-triggered: one comes when bytes arrive, not as long as there are some. Ready
// therefore reads until less has come than it asked for, and on to the end of the stream if that
// has come with the bytes ([Conn.HungUp]), or asks to be called again. An event that comes while
// Ready runs makes it run once more afterwards. Writing is tried at once and needs no event; a
// caller that has to wait for room ([Conn.WriteAll]) asks for that event then, and not before.
package poll
