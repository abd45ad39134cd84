//go:build linux

package load

import (
	"errors"
	"fmt"
	"time"
)

// Rooms sends rounds messages to every room, one each second and evenly spread over it, by a member
// of the room. The clients must be a multiple of the rooms.
func (g *Generator) Rooms(rounds int) (*Result, error) {
	r, err := g.rooms()
	if err != nil {
		return nil, err
	}
	r.left = r.rooms * rounds
	if err := g.arm(time.Now().Add(soon), time.Second/time.Duration(r.rooms)); err != nil {
		return nil, err
	}
	limit := time.Duration(rounds)*time.Second + g.cfg.Limit
	return g.toRooms(r, limit, func() bool { return r.left == 0 })
}

// RoomFlood keeps inflight messages under way for d, to one room after the other, by a member of
// each. It goes on until all rooms have got as many.
func (g *Generator) RoomFlood(inflight int, d time.Duration) (*Result, error) {
	r, err := g.rooms()
	if err != nil {
		return nil, err
	}
	f := &roomFlood{rooms: r, inflight: uint64(inflight), members: uint64(g.cfg.Clients / r.rooms), before: g.ledger.total, end: time.Now().Add(d)}
	return g.toRooms(f, d+g.cfg.Limit, func() bool { return f.over })
}

// rooms makes a message for each room, from a client with its number.
func (g *Generator) rooms() (*rooms, error) {
	n := g.cfg.Rooms
	if n == 0 || g.cfg.Clients%n != 0 {
		return nil, fmt.Errorf("%d clients cannot be dealt evenly to %d rooms", g.cfg.Clients, n)
	}
	r := &rooms{rooms: n}
	for i := range n {
		r.requests = append(r.requests, text(message(fmt.Sprintf(`["room","r%d",`, i))))
	}
	return r, nil
}

// toRooms measures until everything is sent, and has arrived: every client gets a message of each
// round.
func (g *Generator) toRooms(m interface {
	mode
	count() int
}, limit time.Duration, over func() bool,
) (*Result, error) {
	first, members := g.ledger.total, g.cfg.Clients/g.cfg.Rooms
	result, err := g.measure(m, limit, func() bool { return over() && g.ledger.total >= first+uint64(members*m.count()) })
	if err != nil && !errors.Is(err, errLate) {
		return nil, err
	}
	g.rounds += uint64(m.count() / g.cfg.Rooms)
	for _, c := range g.conns {
		if c.got != g.rounds {
			return nil, fmt.Errorf("client %d has got %d messages of its room instead of %d", c.index, c.got, g.rounds)
		}
	}
	if err == nil {
		result.Broadcasts = uint64(m.count())
	}
	return result, err
}

type rooms struct {
	quiet
	requests   [][]byte
	rooms      int
	next, left int
	sent       int
}

func (r *rooms) count() int { return r.sent }

func (r *rooms) batch(g *Generator) error {
	for ; g.ticks > 0 && r.left > 0; g.ticks-- {
		if err := r.send(g); err != nil {
			return err
		}
		if r.left--; r.left == 0 {
			return g.disarm()
		}
	}
	return nil
}

// send sends the message of the next room.
func (r *rooms) send(g *Generator) error {
	c := g.conns[r.next]
	if err := c.write(r.requests[r.next]); err != nil {
		return c.wrap(err)
	}
	r.next = (r.next + 1) % r.rooms
	r.sent++
	return nil
}

type roomFlood struct {
	*rooms
	inflight, members, before uint64
	end                       time.Time
	over                      bool
}

func (f *roomFlood) batch(g *Generator) error {
	for !f.over && uint64(f.sent)-(g.ledger.total-f.before)/f.members < f.inflight {
		if err := f.send(g); err != nil {
			return err
		}
		f.over = f.next == 0 && time.Now().After(f.end)
	}
	return nil
}
