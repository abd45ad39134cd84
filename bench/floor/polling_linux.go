package main

import (
	"bytes"
	"slices"
	"strconv"
)

// pollOf is how the first request of a client that polls begins.
const pollOf = "GET /socket.io/?EIO=4&transport=polling"

// polls is a client that polls: its connection is its session.
type polls struct {
	held   bool   // a request waits for its answer
	queued []byte // what came between two requests, a payload
}

// requests answers what a client that polls has sent: one request at a time, since it waits for
// each answer.
func (s *server) requests(fd int, c *client, b []byte) bool {
	head, body, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found {
		return s.keep(c, b)
	}
	if bytes.HasPrefix(head, []byte("POST ")) {
		_, length, _ := bytes.Cut(head, []byte("Content-Length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		size, err := strconv.Atoi(string(length))
		if err != nil || size > longest {
			return false
		}
		if len(body) < size {
			return s.keep(c, b)
		}
		return s.keep(c, nil) && s.post(fd, c, body[:size])
	}
	return s.keep(c, nil) && s.get(fd, c)
}

func (s *server) post(fd int, c *client, body []byte) bool {
	if c.polls == nil {
		return false
	}
	if string(body) == "40" {
		s.pollers = append(s.pollers, fd)
		c.polls.queued = append(c.polls.queued, connected...)
	}
	s.out = answer(s.out[:0], "ok")
	return s.write(fd, s.out)
}

func (s *server) get(fd int, c *client) bool {
	if c.polls == nil {
		c.polls = &polls{}
		s.out = answer(s.out[:0], open)
		return s.write(fd, s.out)
	}
	if len(c.polls.queued) == 0 {
		c.polls.held = true
		return true
	}
	s.out = answer(s.out[:0], string(c.polls.queued))
	c.polls.queued = c.polls.queued[:0]
	return s.write(fd, s.out)
}

// answers gives a packet to every client that polls. One that cannot take it is dropped when its
// own turn to be read comes.
func (s *server) answers(packet string) bool {
	s.out = answer(s.out[:0], packet)
	for _, fd := range s.pollers {
		p := s.clients[fd].polls
		if p.held {
			p.held = false
			s.write(fd, s.out)
			continue
		}
		if len(p.queued) > 0 {
			p.queued = append(p.queued, 0x1e)
		}
		p.queued = append(p.queued, packet...)
	}
	return true
}

// gone forgets a client that polls.
func (s *server) gone(fd int) {
	s.pollers = slices.DeleteFunc(s.pollers, func(poller int) bool { return poller == fd })
}

// answer appends the answer to a request.
func answer(dst []byte, body string) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nCache-Control: no-store\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}
