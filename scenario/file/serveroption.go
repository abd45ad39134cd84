package file

import (
	"strconv"
	"strings"
	"time"
)

// ServerOption is an option of the built-in server as a flag of its command, without the dashes in
// front, and the flag's value.
type ServerOption struct{ Flag, Value string }

// Duration is the value of an option that is a time; 0 where the scenario leaves it to the server.
func (s *Server) Duration(flag string) time.Duration {
	d, _ := time.ParseDuration(s.option(flag)) // written by timeOption
	return d
}

// option is the value of an option, "" where the scenario leaves it to the server.
func (s *Server) option(flag string) string {
	if s == nil {
		return ""
	}
	for _, o := range s.Options {
		if o.Flag == flag {
			return o.Value
		}
	}
	return ""
}

// Largest is the size in bytes of the largest message that streams may send: what the built-in
// server takes, or the limit of the format.
func (s *Spec) Largest() int {
	if s.Server == nil {
		return maxSize
	}
	return min(s.Server.largest(), maxSize)
}

// largest is the size of the largest data that the server takes.
func (s *Server) largest() int {
	if n, err := strconv.Atoi(s.option("max-payload")); err == nil {
		return n - around
	}
	return maxBuiltIn
}

// serverOption is the row of a key that the built-in server has as a flag, with dashes for
// underscores. The value is passed on; what the option does, and its default, only the server
// knows.
func serverOption(key string, is form, value func(*decoder, *node) string) field[Server] {
	flag := strings.ReplaceAll(key, "_", "-")
	return field[Server]{key: key, about: "as --" + flag + " of throng serve; default: the server's", is: is, set: func(d *decoder, n *node, s *Server) {
		s.Options = append(s.Options, ServerOption{flag, value(d, n)})
	}}
}

// deflateFlag is the server's flag for compression on websockets.
const deflateFlag = "per-message-deflate"

func timeOption(key string, lowest, highest time.Duration) field[Server] {
	return serverOption(key, aDuration, func(d *decoder, n *node) string { return d.duration(n, key, lowest, highest).String() })
}

func sizeOption(key string, lowest, highest int) field[Server] {
	return serverOption(key, aSize, func(d *decoder, n *node) string { return strconv.Itoa(d.size(n, lowest, highest)) })
}
