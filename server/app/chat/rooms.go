package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/throng-io/throng/server"
)

// place is a room, in what a client asks for.
type place struct{ Room string }

// joined is the room as sent to a user who joins it.
type joined struct {
	Name    string    `json:"name"`
	History []Message `json:"history"`
}

func (c *Chat) join(s *server.Socket, p *user, asked place) (any, error) {
	name, err := clean(strings.TrimPrefix(asked.Room, "#"), "room")
	if err != nil {
		return nil, err
	}
	r := c.rooms[fold(name)]
	switch {
	case r != nil && p.rooms[r]:
	case len(p.rooms) >= maxJoined:
		return nil, refusal(fmt.Sprintf("you are in %d rooms; leave one first", maxJoined))
	case r == nil && len(c.rooms) >= maxRooms:
		return nil, refusal("there are too many rooms; join one of them")
	default:
		if r == nil {
			r = newRoom(name)
			c.rooms[fold(name)] = r
		}
		c.enter(s, p, r)
	}
	return joined{r.name, r.history}, nil
}

// enter puts a user into a room and informs everybody.
func (c *Chat) enter(s *server.Socket, p *user, r *room) {
	s.Join(roomName(r))
	p.rooms[r] = true
	r.members++
	c.tellRoom(r)
}

func (c *Chat) leave(s *server.Socket, p *user, asked place) (any, error) {
	r, err := c.find(p, asked.Room)
	if err != nil {
		return nil, err
	}
	if r.name == lobby {
		return nil, refusal("everybody is in the lobby")
	}
	s.Leave(roomName(r))
	c.drop(p, r)
	return struct{}{}, nil
}

// drop takes a user out of the list of a room, and the room away if it was the last.
func (c *Chat) drop(p *user, r *room) {
	delete(p.rooms, r)
	r.members--
	if r.members == 0 && r.name != lobby {
		delete(c.rooms, fold(r.name))
	}
	c.tellRoom(r)
}

// find returns a room that a user is in.
func (c *Chat) find(p *user, name string) (*room, error) {
	r := c.rooms[fold(name)]
	if r == nil || !p.rooms[r] {
		return nil, refusal("you are not in this room")
	}
	return r, nil
}

func (c *Chat) say(_ *server.Socket, p *user, asked struct{ Room, Text string }) (any, error) {
	r, err := c.find(p, asked.Room)
	if err != nil {
		return nil, err
	}
	m, err := c.write(p, asked.Text)
	if err != nil {
		return nil, err
	}
	m.Room = r.name
	if len(r.history) == maxHistory {
		r.history = slices.Delete(r.history, 0, 1)
	}
	r.history = append(r.history, m)
	return id{m.ID}, c.srv.To(roomName(r)).Emit("message", m)
}

type id struct {
	ID uint64 `json:"id"`
}

func (c *Chat) whisper(_ *server.Socket, p *user, asked struct{ To, Text string }) (any, error) {
	to := c.users[fold(asked.To)]
	switch to {
	case nil:
		return nil, refusal("nobody of that name is here")
	case p:
		return nil, refusal("you are talking to yourself")
	}
	m, err := c.write(p, asked.Text)
	if err != nil {
		return nil, err
	}
	m.To = to.name
	type sent struct {
		id
		Away bool `json:"away"`
	}
	// A socket that may come back gets it then: ids are rooms.
	return sent{id{m.ID}, to.away}, c.srv.To(to.socket).To(p.socket).Emit("whisper", m)
}

// write makes a message, unless a user writes too much.
func (c *Chat) write(p *user, text string) (Message, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Message{}, refusal("there is nothing to send")
	case utf8.RuneCountInString(text) > maxText:
		return Message{}, refusal(fmt.Sprintf("that is too long: %d characters are the most", maxText))
	}
	now := time.Now()
	if !p.messages.Take(now, burst, time.Second/perSecond) {
		return Message{}, refusal("not so fast; wait a moment")
	}
	c.last++
	return Message{ID: c.last, From: p.name, Text: text, At: now.UnixMilli()}, nil
}

type notice struct {
	Room string `json:"room,omitempty"`
	To   string `json:"to,omitempty"`
	From string `json:"from"`
	On   bool   `json:"on"`
}

// typing passes a notice on. It is not worth a refusal, nor to be queued.
func (c *Chat) typing(s *server.Socket, p *user, asked struct {
	Room, To string
	On       bool
},
) (any, error) {
	if to := c.users[fold(asked.To)]; asked.To != "" && to != nil && to != p {
		return nil, c.srv.To(to.socket).Volatile().Emit("typing", notice{To: to.name, From: p.name, On: asked.On})
	}
	if r, err := c.find(p, asked.Room); err == nil {
		return nil, s.To(roomName(r)).Volatile().Emit("typing", notice{Room: r.name, From: p.name, On: asked.On})
	}
	return nil, nil
}

// clean checks the name of a user or room and takes superfluous space out.
func clean(name, what string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", refusal("the " + what + " is missing")
	case utf8.RuneCountInString(name) > maxName:
		return "", refusal(fmt.Sprintf("the %s is too long: %d characters are the most", what, maxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", refusal("the " + what + " holds characters that cannot be shown")
	}
	return name, nil
}

// fold makes names alike that a reader would take for the same.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
