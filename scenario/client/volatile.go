package client

// Busy reports whether anything that was sent still waits for the network. A volatile message is
// not sent then: official clients drop it when the transport cannot take it at once.
func (c *Client) Busy() bool {
	if c.ws != nil {
		c.ws.mu.Lock()
		defer c.ws.mu.Unlock()
		return c.ws.flushing
	}
	c.poll.mu.Lock()
	defer c.poll.mu.Unlock()
	return c.poll.posting || len(c.poll.queue) > 0
}
