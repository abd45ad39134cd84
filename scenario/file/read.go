package file

import (
	"fmt"
	"strings"
	"time"
)

var readTable = object[Read]{
	what: "read",
	def:  "read", about: "Clients that read slowly: their lost and late deliveries are counted separately.",
	shape:  with(requireOne("anyOf", "rate", "stall"), "dependentRequired", form{"every": []string{"stall"}}),
	advice: map[string]string{"for": "did you mean `stall`?", "interval": "did you mean `every`?"},
	lone:   "rate",
	fresh:  func() Read { return Read{Share: 1} },
	fields: []field[Read]{
		{key: "rate", about: "bytes that a client reads at most", is: aReadRate, set: func(d *decoder, n *node, r *Read) {
			r.Rate = compute(d, n, "the read rate", readRateValue, func(v float64) *flaw {
				if v < 1 || v > 1<<30 {
					return &flaw{"a read rate of " + FormatSize(v) + "/s is out of range", "write 1B/s to 1GiB/s"}
				}
				return nil
			})
		}},
		{key: "stall", about: "stop reading for this long", is: aDuration, set: func(d *decoder, n *node, r *Read) { r.Stall = d.duration(n, "stall", time.Millisecond, maxWait) }},
		{key: "every", about: "time from one stall to the next; default: a single stall, after joining", is: aDuration, set: func(d *decoder, n *node, r *Read) { r.Every = d.duration(n, "every", time.Millisecond, maxWait) }},
		{key: "share", about: "share of the group's clients", is: aShare, def: "100%", set: func(d *decoder, n *node, r *Read) {
			before := d.errs.hits
			if r.Share = d.share(n, "share"); r.Share == 0 && d.errs.hits == before {
				d.errs.add(n.at, "a share of 0% has no slow readers", "raise share, or remove read")
			}
		}},
	},
	done: func(d *decoder, n *node, r *Read) {
		switch {
		case n.get("rate") == nil && n.get("stall") == nil:
			d.errs.add(n.at, "read is empty: the clients would read at full speed", "write rate: 8KiB/s, or stall: 10s")
		case n.get("every") != nil && n.get("stall") == nil:
			d.errs.add(at(n, "every"), "`every` repeats a stall, and there is none", "add stall: 10s, or remove every")
		case r.Every > 0 && r.Stall > 0 && r.Every <= r.Stall:
			d.errs.add(at(n, "every"), fmt.Sprintf("a stall of %s every %s never ends", formatDuration(r.Stall), formatDuration(r.Every)), "lengthen every, or shorten stall")
		}
	},
}

// parseBytesRate reads 8KiB/s and returns bytes per second.
func parseBytesRate(text string) (float64, *flaw) {
	const like = "write it like 8KiB/s or 1MB/s"
	size, isRate := strings.CutSuffix(closeUp(text), "/s")
	switch {
	case isRate && reSize.MatchString(size):
		return parseSize(size)
	case reSize.MatchString(text):
		return 0, &flaw{fmt.Sprintf("%s is an amount, not a rate", clip(text)), fmt.Sprintf("write %s/s", clip(text))}
	case reRate.MatchString(text):
		return 0, &flaw{fmt.Sprintf("%s counts messages, and reading is counted in bytes", clip(text)), like}
	}
	return 0, wrong(text, "read rate", like)
}
