package chat

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/budget"
)

// lobby is the room that everybody is in, and that never goes.
const lobby = "lobby"

// The memory of a chat is bounded, independent of its clients.
const (
	maxUsers   = 10_000
	maxRooms   = 200 // of the chat
	maxJoined  = 20  // of one user
	maxHistory = 50  // messages of a room
	maxName    = 24  // characters of the name of a user or room
	maxText    = 2000
	burst      = 20 // messages that a user may send at once
	perSecond  = 4  // and after that
)

// Chat is the state of one chat.
type Chat struct {
	srv    *server.Server
	absent time.Duration

	mu    sync.Mutex
	users map[string]*user // by folded name
	rooms map[string]*room // by folded name
	last  uint64           // id of the last message
}

// user is a user who has logged in. It is the Data of its socket.
type user struct {
	name, key string
	socket    string // id of its socket, or of the last one
	away      bool
	gone      *time.Timer // runs while it is away
	rooms     map[*room]bool
	messages  budget.Rate
}

// MarshalJSON names the user of a socket, for the Admin UI. The name of a user never changes.
func (p *user) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"name": p.name})
}

type room struct {
	name    string
	members int
	history []Message
}

// never null in JSON
func newRoom(name string) *room { return &room{name: name, history: []Message{}} }

// Message is what was said in a room or, with To, whispered to a user.
type Message struct {
	ID   uint64 `json:"id"`
	Room string `json:"room,omitempty"`
	To   string `json:"to,omitempty"`
	From string `json:"from"`
	Text string `json:"text"`
	At   int64  `json:"at"` // milliseconds since 1970
}

// User is an entry of the list of present users.
type User struct {
	Name  string `json:"name"`
	State string `json:"state"` // here, away or gone
}

// Room is an entry of the list of rooms.
type Room struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

// New puts a chat on the main namespace of srv. The name of a user whose connection broke is kept
// for the duration absent, which should be how long the server lets clients come back
// (server.Recovery.MaxDisconnection).
func New(srv *server.Server, absent time.Duration) *Chat {
	c := &Chat{srv: srv, absent: absent, users: map[string]*user{}, rooms: map[string]*room{}}
	// A page distinguishes messages by their ids, also over a restart of the server. This leaves
	// room for a thousand of them in a millisecond, and is exact in JavaScript.
	c.last = uint64(time.Now().UnixMilli()) * 1000 //nolint:gosec // it is after 1970
	c.rooms[lobby] = newRoom(lobby)
	srv.OnConnect(c.connected)
	srv.OnDisconnect(c.disconnected)
	srv.On("login", c.login)
	on(c, "join", c.join)
	on(c, "leave", c.leave)
	on(c, "say", c.say)
	on(c, "whisper", c.whisper)
	on(c, "typing", c.typing)
	return c
}

// refusal is an error that is shown to the user.
type refusal string

func (r refusal) Error() string { return string(r) }

// answer acknowledges an event. An error is shown to the user if it is a refusal, and else to the
// log, too.
func answer(e *server.Event, result any, err error) error {
	if err == nil {
		return e.Ack(result)
	}
	why, known := errors.AsType[refusal](err)
	if !known {
		why = "that was not understood"
	}
	if failed := e.Ack(map[string]string{"error": string(why)}); failed != nil || known {
		return failed
	}
	return err
}

// on sets the handler of an event of users who have logged in. It runs with the chat locked: an
// action and the events about it are one step.
func on[T any](c *Chat, event string, handle func(s *server.Socket, p *user, asked T) (any, error)) {
	c.srv.On(event, func(s *server.Socket, e *server.Event) error {
		var asked T
		if err := e.Bind(&asked); err != nil {
			return answer(e, nil, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		p, _ := s.Data.(*user)
		if p == nil || p.socket != s.ID() {
			return answer(e, nil, refusal("please log in first"))
		}
		result, err := handle(s, p, asked)
		return answer(e, result, err)
	})
}

// roomName is the room as the server's adapters know it. Rooms that sockets have by their ids have
// no colon.
func roomName(r *room) string { return "room:" + r.name }

// everybody is all users who have logged in: they are all in the lobby.
func (c *Chat) everybody() server.Target { return c.srv.To(roomName(c.rooms[lobby])) }

func (c *Chat) tellUser(p *user, state string) {
	_ = c.everybody().Emit("user", User{p.name, state}) // plain data: it can be encoded
}

func (c *Chat) tellRoom(r *room) { _ = c.everybody().Emit("room", Room{r.name, r.members}) }

// login is the one event that may come from a socket without a user.
func (c *Chat) login(s *server.Socket, e *server.Event) error {
	var asked struct{ Name, Key string }
	if err := e.Bind(&asked); err != nil {
		return answer(e, nil, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.admit(s, asked.Name, asked.Key)
	if err != nil {
		return answer(e, nil, err)
	}
	type welcome struct {
		Name   string   `json:"name"`
		Key    string   `json:"key"`
		Users  []User   `json:"users"`
		Rooms  []Room   `json:"rooms"`
		Joined []joined `json:"joined"`
	}
	w := welcome{Name: p.name, Key: p.key, Users: c.list(), Rooms: c.roomList()}
	for r := range p.rooms {
		w.Joined = append(w.Joined, joined{r.name, r.history})
	}
	slices.SortFunc(w.Joined, func(a, b joined) int { return strings.Compare(a.Name, b.Name) })
	return answer(e, w, nil)
}

// admit makes s the socket of the user with a name.
func (c *Chat) admit(s *server.Socket, name, key string) (*user, error) {
	if p, _ := s.Data.(*user); p != nil {
		return nil, refusal("you are logged in as " + p.name)
	}
	name, err := clean(name, "name")
	if err != nil {
		return nil, err
	}
	p := c.users[fold(name)]
	switch {
	case p != nil && p.key == key:
		c.takeBack(s, p)
		return p, nil
	case p != nil:
		return nil, refusal(p.name + " is taken; choose another name")
	case len(c.users) >= maxUsers:
		return nil, refusal("the chat is full; try again later")
	}
	p = &user{name: name, key: rand.Text(), socket: s.ID(), rooms: map[*room]bool{}}
	c.users[fold(name)] = p
	c.tellUser(p, "here") // the newcomer is not in the lobby yet
	s.Data = p
	c.enter(s, p, c.rooms[lobby])
	return p, nil
}

// takeBack gives a user to the socket of a client that could not come back to its old one.
func (c *Chat) takeBack(s *server.Socket, p *user) {
	old := c.srv.Socket(p.socket)
	p.socket = s.ID()
	s.Data = p
	if old != nil {
		old.Disconnect(false)
	}
	for r := range p.rooms {
		s.Join(roomName(r))
	}
	c.here(p)
}

// here notes that a user is not away any more.
func (c *Chat) here(p *user) {
	if p.gone != nil {
		p.gone.Stop()
		p.gone = nil
	}
	if p.away {
		p.away = false
		c.tellUser(p, "here")
	}
}

// connected finds the user again of a client that has come back.
func (c *Chat) connected(s *server.Socket) {
	if !s.Recovered() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Data == nil {
		return // it had not logged in
	}
	// The Data of a client that was on another server has come as JSON, and its user has not.
	p, known := s.Data.(*user)
	if !known || c.users[fold(p.name)] != p || p.socket != s.ID() {
		s.Data = nil
		_ = s.Emit("login-required", struct{}{})
		return
	}
	c.here(p)
}

func (c *Chat) disconnected(s *server.Socket, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, _ := s.Data.(*user)
	if p == nil || p.socket != s.ID() || c.users[fold(p.name)] != p {
		return
	}
	if reason == "client namespace disconnect" || reason == "server namespace disconnect" || c.absent <= 0 {
		c.forget(p)
		return
	}
	p.away = true
	c.tellUser(p, "away")
	var timer *time.Timer
	timer = time.AfterFunc(c.absent, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if p.gone == timer { // it has not come back, or gone again, meanwhile
			c.forget(p)
		}
	})
	p.gone = timer
}

// forget removes a user who has left from everything.
func (c *Chat) forget(p *user) {
	delete(c.users, fold(p.name))
	for r := range p.rooms {
		c.drop(p, r)
	}
	c.tellUser(p, "gone")
}

// list lists the users, by name.
func (c *Chat) list() []User {
	all := make([]User, 0, len(c.users))
	for _, p := range c.users {
		state := "here"
		if p.away {
			state = "away"
		}
		all = append(all, User{p.name, state})
	}
	slices.SortFunc(all, func(a, b User) int { return strings.Compare(fold(a.Name), fold(b.Name)) })
	return all
}

func (c *Chat) roomList() []Room {
	all := make([]Room, 0, len(c.rooms))
	for _, r := range c.rooms {
		all = append(all, Room{r.name, r.members})
	}
	slices.SortFunc(all, func(a, b Room) int { return strings.Compare(fold(a.Name), fold(b.Name)) })
	return all
}
