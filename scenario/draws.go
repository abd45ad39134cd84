package scenario

import (
	"hash/fnv"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// What templates draw follows from the seed, the place of the template in the file, the group, the
// client, and the number of the message, step or reaction, so that a run can be repeated and each
// value is drawn apart.

// A drawPlace is a draw of a template, made ready.
type drawPlace struct {
	*file.Draw
	place uint64 // different for each draw of the trial
}

func (t *trial) draw(hole string) *drawPlace {
	d, ok := t.spec.Draw(hole)
	if !ok {
		return nil
	}
	t.draws++
	return &drawPlace{&d, t.draws}
}

// number is a random number for a filling; n tells several of one draw apart.
func (d *drawPlace) number(f *filling, n uint64) uint64 {
	return plan.Draw(f.group.t.spec.Seed, plan.ForTemplate, d.place<<1|n, uint64(f.group.index)<<40|uint64(f.client), f.message)
}

// append writes the draw for a filling.
func (d *drawPlace) append(dst []byte, f *filling, form file.Form) []byte {
	switch d.Kind {
	case file.DrawUUID:
		id := uuid(d.number(f, 0), d.number(f, 1))
		return appendQuoted(dst, id[:], form)
	case file.DrawRandom:
		return d.random(dst, d.number(f, 0))
	case file.DrawPick:
		c := d.Choices[d.number(f, 0)%uint64(len(d.Choices))]
		if form == file.FormValue && c.Typed {
			return append(dst, c.Text...)
		}
		return appendText(dst, c.Text, form)
	case file.DrawNow:
		return strconv.AppendInt(dst, time.Now().UnixMilli(), 10)
	case file.DrawNowISO:
		var text [32]byte
		return appendText(dst, string(time.Now().UTC().AppendFormat(text[:0], "2006-01-02T15:04:05.000Z")), form)
	case file.DrawLoop:
		return strconv.AppendInt(dst, int64(f.round), 10)
	case file.DrawCounter:
		return strconv.AppendInt(dst, f.group.tallies.next(f.client, d.Counter)+int64(f.group.t.spec.Counters[d.Counter].From), 10)
	}
	return d.fromEvent(dst, f, form)
}

// random writes a number between the limits: each whole number is as likely, and so is each
// decimal.
func (d *drawPlace) random(dst []byte, h uint64) []byte {
	scale := math.Pow10(d.Decimals)
	low, high := math.Round(d.Low*scale), math.Round(d.High*scale)
	v := low + math.Floor(plan.Unit(h)*(high-low+1))
	return strconv.AppendFloat(dst, min(v, high)/scale, 'f', d.Decimals, 64)
}

// fromEvent writes a value of the event that is reacted to; where its path leads to nothing, null,
// and nothing into a text.
func (d *drawPlace) fromEvent(dst []byte, f *filling, form file.Form) []byte {
	if v, found := f.heard.First(&d.Path); found {
		return appendCaptured(dst, jsonpath.Append(nil, v), form)
	}
	if form == file.FormValue {
		return append(dst, "null"...)
	}
	return dst
}

// appendQuoted writes a text in which nothing needs escapes.
func appendQuoted(dst, text []byte, form file.Form) []byte {
	if form != file.FormValue {
		return append(dst, text...)
	}
	return append(append(append(dst, '"'), text...), '"')
}

// uuid makes a UUID of version 4 (RFC 9562, 5.4) of 128 random bits.
func uuid(a, b uint64) (text [36]byte) {
	const digits = "0123456789abcdef"
	a = a&^0xf000 | 0x4000
	b = b&^(3<<62) | 2<<62
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			text[at] = '-'
			at++
		}
		half := a
		if i >= 16 {
			half = b
		}
		text[at] = digits[half>>(60-4*(i%16))&15]
		at++
	}
	return text
}

// tallies are the numbers that the clients of a group count. Safe for concurrent use.
type tallies struct {
	mu   sync.Mutex
	uses map[tallyOf]int64
}

type tallyOf struct{ client, counter int }

// reactions is the tally of a client's reactions, over all its connections.
const reactions = -1

// next returns how often a client has used a counter before.
func (c *tallies) next(client, counter int) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uses == nil {
		c.uses = map[tallyOf]int64{}
	}
	n := c.uses[tallyOf{client, counter}]
	c.uses[tallyOf{client, counter}] = n + 1
	return n
}

// roomDraw is the number of a move for what templates draw: the same room, the same draw.
func roomDraw(room string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(room))
	return h.Sum64()
}

// draws reports whether a pattern draws values of a kind, "" for any.
func (p *pattern) draws(kind string) bool {
	if p == nil {
		return false
	}
	for i := range p.patches {
		if d := p.patches[i].draw; d != nil && (kind == "" || d.Kind == kind) {
			return true
		}
	}
	return false
}
