package main

import (
	"fmt"
	"math"

	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A claim is a sentence that can be wrong.
type claim struct {
	name     string // of its scenario
	says     string // the sentence, in our words
	axis     string // of the scenario's matrix: its values are compared; or several, with commas between them
	measures []rounds.Measure
	// of a ratio, beyond which the sentence is true; 0: rule says when
	limit float64
	rule  string // when the sentence is true, in words; "": by the limit
	// judge says whether the sentence is true, and why
	judge func(t *table) (verdict, why string)
	note  string // what the numbers leave out
}

// The verdicts.
const (
	isTrue  = "true"
	isFalse = "false"
	open    = "not shown"
)

var (
	bytesEach     = bytesOf("bytes_message", "bytes a message, both ways", func(w *result.Wire) float64 { return w.PerMessage })
	bytesDelivery = bytesOf("bytes_delivery", "bytes a delivery", func(w *result.Wire) float64 { return w.InPerMessage })
	cpuEach       = rounds.Measure{Name: "cpu_message_us", Title: "server's CPU time a message, µs", Less: true, Of: func(c *result.Cell) (float64, bool) {
		n := c.Messages.Sent
		return c.Server.CPUs * 1e6 / float64(n), n > 0 && c.Server.CPUs > 0
	}}
	cpuDelivery = rounds.Measure{Name: "cpu_delivery_us", Title: "server's CPU time a delivery, µs", Less: true, Of: func(c *result.Cell) (float64, bool) {
		return 1e6 / c.Server.DeliveriesPerCPUs, c.Server.DeliveriesPerCPUs > 0
	}}
	eventsEach = rounds.Measure{Name: "events_listener", Title: "events a second at a listener", Of: func(c *result.Cell) (float64, bool) {
		n := c.Clients.Asked - 1 // the speaker hears nothing
		return c.Rates.DeliveriesPerS / float64(n), n > 0
	}}
	peak = rounds.Measure{Name: "memory_peak_mib", Title: "server's memory, peak, MiB", Less: true, Of: func(c *result.Cell) (float64, bool) {
		return float64(c.Server.RSSPeakBytes) / (1 << 20), c.Server.RSSPeakBytes > 0
	}}
	missed = rounds.Measure{Name: "missed", Title: "of a hundred deliveries missed", Less: true, Of: func(c *result.Cell) (float64, bool) {
		l := c.Ledger
		for _, more := range []*result.Ledger{c.Volatile, c.Slow} {
			if more != nil {
				l.Add(*more)
			}
		}
		return 100 * float64(l.Lost) / float64(l.Expected), l.Expected > 0
	}}
)

// bytesOf is a measure of a trial's only transport.
func bytesOf(name, title string, of func(*result.Wire) float64) rounds.Measure {
	return rounds.Measure{Name: name, Title: title, Less: true, Of: func(c *result.Cell) (float64, bool) {
		for _, w := range c.Wire {
			return of(w), w.Messages > 0
		}
		return 0, false
	}}
}

var claims = []*claim{
	{
		name: "headers", axis: "transport",
		says:     "Over HTTP each message carries hundreds of bytes of headers, over a websocket a few bytes.",
		measures: []rounds.Measure{bytesEach, cpuEach, rounds.Milliseconds("answer", metric.Ack, 50)},
		rule:     "the medians are above 200 bytes over polling and below 100 over a websocket",
		judge: func(t *table) (string, string) {
			const payload = 2 * 64 // there and back
			polling, websocket := t.median("polling", 0)-payload, t.median("websocket", 0)-payload
			return holds(polling > 200 && websocket < 100), fmt.Sprintf("beyond the 64 bytes each way, polling takes %s bytes for a message and its acknowledgement, a websocket %s",
				rounds.Figure(polling), rounds.Figure(websocket))
		},
		note: "Headers of the simulated client are short; a browser adds its own, with cookies half a kilobyte and more each way. Socket.IO's packet around the data counts as well.",
	},
	{
		name: "millisecond", axis: "listeners",
		says:     "A server can send an event every millisecond.",
		measures: []rounds.Measure{eventsEach, rounds.Milliseconds("time between two off by", metric.Gap, 50), rounds.Milliseconds("time between two off by", metric.Gap, 99), rounds.Milliseconds("delivery", metric.Delivery, 99), missed},
		rule:     "the medians are within one event of 1000 a second for one listener and for a hundred, half of the times between two are off by less than 0.5 ms, and nothing is missed",
		judge: func(t *table) (string, string) {
			one, many := t.median("1", 0), t.median("100", 0)
			return holds(math.Abs(one-1000) < 1 && math.Abs(many-1000) < 1 && t.median("100", 1) < 0.5 && t.median("100", 4) == 0),
				fmt.Sprintf("one listener gets %s events a second, each of a hundred %s; the time between two is off by %s ms and %s ms at the median", rounds.Figure(one), rounds.Figure(many),
					rounds.Figure(t.median("1", 1)), rounds.Figure(t.median("100", 1)))
		},
		note: "How evenly they come is the machine's doing as well. A browser's timers and rendering are not in it.",
	},
	{
		name: "plain", axis: "transport",
		says:     "Socket.IO costs noticeably more than a plain websocket.",
		measures: []rounds.Measure{cpuEach, bytesEach, rounds.Milliseconds("answer", metric.Ack, 50)},
		limit:    1.1,
		judge: func(t *table) (string, string) {
			c := t.compare("plain-websocket", "websocket", 0)
			return beyond(c, t.limit), fmt.Sprintf("a message and its acknowledgement take %s the CPU time of the same over a plain websocket of our own server", c)
		},
		note: "Both are served by our server. The plain websocket has a JSON of its own with the same data and an id to answer to, and no namespaces or reconnection. It is served as such servers usually are, " +
			"with a queue and a goroutine that writes for each client; Socket.IO's answers are written by the goroutine that has read the call. So this is what a user gets, and not the least that either could take.",
	},
	{
		name: "connecting", axis: "transport",
		says:     "To begin with polling and upgrade makes connecting slower than a websocket at once.",
		measures: []rounds.Measure{rounds.Milliseconds("connect", metric.Connect, 50), rounds.Milliseconds("upgraded after", metric.ConnectUpgrade, 50), rounds.CPUPerClient},
		limit:    1.2,
		judge: func(t *table) (string, string) {
			c := t.compare("websocket", "upgrade", 0)
			cpu := t.compare("websocket", "upgrade", 2)
			return beyond(c, t.limit), fmt.Sprintf("until it may send, a client that upgrades waits %s as long, and takes %s the server's CPU time", c, cpu)
		},
		note: "Over loopback a round trip is nearly free. Each one that polling adds (two before the first message, two more for the upgrade) costs the network's delay.",
	},
	{
		name: "compression", axis: "prices, compression",
		says:     "Compression (permessage-deflate) costs a server much processor time.",
		measures: []rounds.Measure{cpuDelivery, bytesDelivery, rounds.Milliseconds("delivery", metric.Delivery, 50)},
		limit:    1.25,
		judge: func(t *table) (string, string) {
			const plain, packed = "40, as they are", "40, compressed"
			c, few := t.compare(plain, packed, 0), t.compare("10, as they are", "10, compressed", 0)
			return beyond(c, t.limit), fmt.Sprintf("compressed, a delivery of forty prices takes %s the CPU time and %s %% of the bytes, one of ten prices %s the time",
				c, rounds.Figure(100*t.median(packed, 1)/t.median(plain, 1)), few)
		},
		note: "Prices as JSON, some 80 bytes each; all hundred receivers get the same bytes, which our server compresses once, without a window of its own for each client. " +
			"Servers that keep one, as most do by default, compress each message for each client. A message below 1 KiB is sent as it is.",
	},
	{
		name: "acknowledged", axis: "confirmed",
		says:     "Acknowledgements are dear: send without them where you can.",
		measures: []rounds.Measure{cpuDelivery, bytesEach, rounds.Milliseconds("delivery", metric.Delivery, 50)},
		limit:    1.25,
		judge: func(t *table) (string, string) {
			c := t.compare("without", "acknowledged", 0)
			return beyond(c, t.limit), fmt.Sprintf("a delivery of messages to nine others with an acknowledgement takes %s the CPU time of one without", c)
		},
	},
	{
		name: "volatile", axis: "volatile",
		says:     "Volatile events keep the memory of a server small when clients read slowly.",
		limit:    1.25,
		measures: []rounds.Measure{peak, rounds.Milliseconds("delivery", metric.Delivery, 99), missed},
		judge: func(t *table) (string, string) {
			c := t.compare("volatile", "kept", 0)
			return beyond(c, t.limit), fmt.Sprintf("with kept events the server's memory peaks at %s of what it does with volatile ones; of a hundred deliveries %s are missed with volatile events, and %s with kept ones", c,
				rounds.Figure(t.median("volatile", 2)), rounds.Figure(t.median("kept", 2)))
		},
		note: "Each of twenty clients is sent 480 KiB a second by another and reads 32; up to 16 MiB are kept for it, before that the system keeps a few MiB. What is broadcast to many is kept once for all of them.",
	},
	{
		name: "nodes", axis: "nodes",
		says:     "A second node costs little: nodes share their rooms through the broker.",
		measures: []rounds.Measure{cpuDelivery, rounds.Milliseconds("delivery", metric.Delivery, 50), rounds.Milliseconds("delivery", metric.Delivery, 99)},
		limit:    1.5,
		rule:     "the whole interval is below 1.50x, and false if it is above",
		judge: func(t *table) (string, string) {
			c := t.compare("1", "3", 0)
			verdict := beyond(c, t.limit)
			switch verdict {
			case isTrue:
				verdict = isFalse
			case isFalse:
				verdict = isTrue
			}
			return verdict, fmt.Sprintf("on three nodes a delivery takes %s the CPU time of one node, for the same messages in rooms of ten, the broker not counted", c)
		},
		note: "Rooms of ten over three nodes are the dear case: each message crosses to all nodes for three or four receivers there.",
	},
}

// when says in words when the sentence is true.
func (c *claim) when() string {
	if c.rule != "" {
		return c.rule
	}
	return fmt.Sprintf("the whole interval is above %sx, and false if it is below", rounds.Figure(c.limit))
}

// beyond is the verdict on a ratio that must be above a limit.
func beyond(c rounds.Comparison, limit float64) string {
	switch {
	case c.Low > limit:
		return isTrue
	case c.High < limit:
		return isFalse
	}
	return open
}

// holds is the verdict on a condition.
func holds(ok bool) string {
	if ok {
		return isTrue
	}
	return isFalse
}
