package admin

import (
	"os"
	"sort"
	"time"

	"github.com/throng-io/throng/server"
)

// stats is the payload of server_stats.
type stats struct {
	ServerID   string      `json:"serverId"`
	Hostname   string      `json:"hostname"`
	PID        int         `json:"pid"`
	Uptime     float64     `json:"uptime"` // seconds
	Clients    int         `json:"clientsCount"`
	Polling    int         `json:"pollingClientsCount"`
	Events     []bucket    `json:"aggregatedEvents"`
	Namespaces []namespace `json:"namespaces"`
}

type namespace struct {
	Name    string `json:"name"`
	Sockets int    `json:"socketsCount"`
}

// bucket counts what of one kind has happened in one second.
type bucket struct {
	Timestamp int64  `json:"timestamp"` // of the second, in milliseconds
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     uint64 `json:"count"`
}

func (a *admin) stats(st server.Stats, events []bucket) stats {
	if events == nil {
		events = []bucket{}
	}
	s := stats{
		ServerID: a.opts.ServerID, Hostname: a.host, PID: os.Getpid(), Uptime: time.Since(started).Seconds(),
		Clients: st.Sessions, Polling: st.Polling, Events: events, Namespaces: []namespace{},
	}
	for name, n := range st.Namespaces {
		s.Namespaces = append(s.Namespaces, namespace{name, n})
	}
	sort.Slice(s.Namespaces, func(i, j int) bool { return s.Namespaces[i].Name < s.Namespaces[j].Name })
	return s
}

// sendStats sends server_stats until stop is closed. It reads the counters twice as often as it
// sends, so that each count belongs to one second.
func (a *admin) sendStats(c *counter, stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	var events []bucket
	for odd := true; ; odd = !odd {
		select {
		case <-stop:
			return
		case at := <-tick.C:
			st := a.srv.Stats()
			events = c.since(st, at, events)
			if odd {
				continue
			}
			_ = a.ns.Emit("server_stats", a.stats(st, events))
			events = nil
		}
	}
}

// counter turns totals into differences.
type counter struct{ last server.Stats }

func newCounter(st server.Stats) *counter { return &counter{st} }

// opened counts the sessions that there have ever been.
func opened(st server.Stats) uint64 {
	n := uint64(st.Sessions)
	for _, ended := range st.Ended {
		n += ended
	}
	return n
}

// since appends what has happened since the last call. Heartbeats count neither as packets nor as
// bytes, as with the official server.
func (c *counter) since(st server.Stats, at time.Time, to []bucket) []bucket {
	second := at.Truncate(time.Second).UnixMilli()
	add := func(kind, sub string, now, then uint64) {
		if now > then {
			to = append(to, bucket{second, kind, sub, now - then})
		}
	}
	add("rawConnection", "", opened(st), opened(c.last))
	reasons := make([]string, 0, len(st.Ended))
	for reason := range st.Ended {
		reasons = append(reasons, reason)
	}
	sort.Strings(reasons)
	for _, reason := range reasons {
		add("rawDisconnection", reason, st.Ended[reason], c.last.Ended[reason])
	}
	add("packetsIn", "", st.PacketsIn-st.PongsIn, c.last.PacketsIn-c.last.PongsIn)
	add("packetsOut", "", st.PacketsOut-st.PingsOut, c.last.PacketsOut-c.last.PingsOut)
	add("bytesIn", "", st.BytesIn-st.PongsIn, c.last.BytesIn-c.last.PongsIn)
	add("bytesOut", "", st.BytesOut-3*st.PingsOut, c.last.BytesOut-3*c.last.PingsOut)
	c.last = st
	return to
}
