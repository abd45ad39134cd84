package client

import "net"

// Unread reports whether the server may have sent something that the client has not handled yet: it
// lies in a socket or a buffer, or is being handled. Of a poll that is not under way, of
// WebTransport and of a client that reads slowly it is not known, and so true. It is safe for
// concurrent use.
func (c *Client) Unread() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	main := c.links[mainSlot]
	return c.pace != nil || main == nil || main.unread()
}

// unread is Unread of a connection.
func (c *conn) unread() bool {
	if c.moved != nil {
		return c.moved.unread()
	}
	// in this order: its reader stops to wait before it takes anything from the socket
	some, known := inbox(c.Conn)
	return some || !known || !c.waits.Load()
}

// hidden reports whether the socket is known to have something to read that fillNow cannot reach:
// what is below TLS.
func (c *conn) hidden() bool {
	if c.borrows() {
		return false
	}
	some, known := inbox(c.Conn)
	return some && known
}

// inbox reports whether a socket, which may be below TLS, has something to read, and whether that
// is known.
func inbox(c net.Conn) (some, known bool) {
	for {
		switch at := c.(type) {
		case interface{ NetConn() net.Conn }:
			c = at.NetConn()
		case *counted:
			c = at.Conn
		default:
			raw := rawConn(c)
			if raw == nil {
				return false, false
			}
			err := raw.Control(func(fd uintptr) { some = readable(fd) })
			return some, err == nil
		}
	}
}
