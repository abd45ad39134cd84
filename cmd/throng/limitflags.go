package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/server"
)

// limitFlags defines the flags for what clients may take of the server: those that
// a target of load meets, or that protect one that is reached from elsewhere.
func limitFlags(f *pflag.FlagSet, opts *server.Options) {
	f.Var(atLeastOne(&opts.MaxSessions, 0), "max-sessions", "how many clients there may be (default no limit)")
	f.Var(atLeastOne(&opts.MaxPending, 65536), "max-pending", "how many of them may not have joined a namespace yet")
	f.Var(atLeastOne(&opts.MaxPerAddress, 0), "max-per-address", "how many clients one address may have; behind a proxy all have one (default no limit)")
	f.Var(atLeastOne(&opts.MaxHandshakes, 0), "max-handshakes", "how many clients one address may open in a second (default no limit)")
	f.Var(atLeastOne(&opts.MaxNamespaces, 32), "max-namespaces", "how many namespaces one client may join")
	f.Var(atLeastOne(&opts.MaxRooms, 10_000), "max-rooms", "how many rooms one client may be in")
	f.Var(bytesOf(&opts.MaxRoomName, 4<<10), "max-room-name", "how long the name of a room may be")
	f.Var(bytesOf(&opts.MaxRoomBytes, 1<<20), "max-room-bytes", "how long the names of all rooms of one client may be together")
	f.Var(bytesOf(&opts.MaxPayload, 1_000_000), "max-payload", "how long a polling body or websocket message of a client may be")
	f.Var(bytesOf(&opts.MaxHeader, 8<<10), "max-header", "how long the head of a request may be; long cookies and tokens need more")
	f.Var(bytesOf(&opts.MaxPartial, 256<<20), "max-partial", "how much may be held, for all clients together, of what has not come whole")
	f.Var(milliseconds(&opts.MessageTimeout, time.Minute), "message-timeout", "how long a websocket message may take from its first byte to its last")
	f.Var(atLeastOne(&opts.QueuePackets, 16384), "queue-packets", "how many packets may wait for one slow client before it is disconnected")
	f.Var(bytesOf(&opts.QueueBytes, 4<<20), "queue-bytes", "how much may wait for one slow client before it is disconnected")
	f.Var(milliseconds(&opts.WriteTimeout, time.Minute), "write-timeout", "how long a client may take next to nothing of what waits for it before it is disconnected")
}

// count is a flag for a number of things.
type count struct{ n *int }

func atLeastOne(n *int, value int) count {
	*n = value
	return count{n}
}

func (v count) String() string {
	if v.n == nil || *v.n == 0 {
		return ""
	}
	return strconv.Itoa(*v.n)
}

func (v count) Type() string { return "int" }

func (v count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return errors.New("write a whole number from 1")
	}
	*v.n = n
	return nil
}

// size is a flag for a number of bytes: plain, or with a unit as in scenario files.
type size struct{ n *int }

func bytesOf(n *int, value int) size {
	*n = value
	return size{n}
}

func (v size) String() string {
	if v.n == nil {
		return ""
	}
	return file.FormatSize(float64(*v.n))
}

func (v size) Type() string { return "size" }

func (v size) Set(s string) error {
	if strings.Trim(s, "0123456789") == "" {
		s += "B"
	}
	n, ok := file.ParseSize(s)
	if !ok || n < 1 {
		return errors.New("write a size such as 65536, 64KiB or 4MiB")
	}
	*v.n = n
	return nil
}
