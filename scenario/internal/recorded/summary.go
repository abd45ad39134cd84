package recorded

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Limits of a summary, which is in memory.
const (
	maxUsers  = 5_000_000
	maxRooms  = 10_000_000
	maxEvents = 10_000
	maxJoined = 20_000_000 // rooms of all users together
)

// Presence are the names of events that say that a user is there, without a message. A user who
// only listens has such a row.
var Presence = []string{"connect", "disconnect"}

// A Summary is what a log holds, in memory that depends on its users, rooms and events and not on
// its length. It does not change, so goroutines may share it.
type Summary struct {
	Rows      int           // also those without a message
	Length    time.Duration // from the first row to the last one
	Users     []string      // in the order in which they appear; empty without that column
	Rooms     []string      // likewise
	Members   [][]int32     // by user, the rooms of its rows, each once
	Events    []Count       // in the order in which they appear; of a log without that column one, named ""
	Sized     bool          // it has a column size or body
	Bodies    bool
	HasUsers  bool
	HasRooms  bool
	HasEvents bool

	users, rooms map[string]int32
}

// A Count is what a log holds of one event.
type Count struct {
	Event       string
	N           int
	Largest     int // bytes
	First       Row // the first one
	Big         Row // the largest one
	NoRoom      int // rows without a room
	FirstNoRoom Row // the first of them
}

// User is the number of a user, -1 when the log does not have it.
func (s *Summary) User(name string) int { return lookup(s.users, name) }

// Room is the number of a room, -1 when the log does not have it.
func (s *Summary) Room(name string) int { return lookup(s.rooms, name) }

func lookup(m map[string]int32, name string) int {
	if i, ok := m[name]; ok {
		return int(i)
	}
	return -1
}

// Summarize reads a whole log. The error is an *Error where a row is wrong.
func Summarize(in io.Reader) (*Summary, error) {
	r, err := NewReader(in)
	if err != nil {
		return nil, err
	}
	s := &Summary{
		Sized: r.Has(Size) || r.Has(Body), Bodies: r.Has(Body), HasUsers: r.Has(User), HasRooms: r.Has(Room), HasEvents: r.Has(Event),
		users: map[string]int32{}, rooms: map[string]int32{},
	}
	events, joined := map[string]int{}, 0
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		s.Rows++
		s.Length = row.At
		row.Body = "" // a summary is small
		if err := s.who(&row, &joined); err != nil {
			return nil, err
		}
		at, known := events[row.Event]
		if !known {
			if len(s.Events) == maxEvents {
				return nil, row.Wrong(Event, fmt.Sprintf("the log has more than %d different events", maxEvents), "write the name of the event here, not its data")
			}
			at = len(s.Events)
			events[row.Event] = at
			s.Events = append(s.Events, Count{Event: row.Event, Largest: -1, First: row})
		}
		c := &s.Events[at]
		c.N++
		if row.Size > c.Largest {
			c.Largest, c.Big = row.Size, row
		}
		if row.Room == "" {
			if c.NoRoom++; c.NoRoom == 1 {
				c.FirstNoRoom = row
			}
		}
	}
	if s.Rows == 0 {
		return nil, &Error{2, 1, "the log has no rows", "write one row for each message"}
	}
	return s, nil
}

// who notes the user and the room of a row.
func (s *Summary) who(row *Row, joined *int) error {
	user := -1
	if s.HasUsers {
		if strings.TrimSpace(row.User) == "" {
			return row.Wrong(User, "the row has no user", "name one, or remove the column from all rows")
		}
		n, ok := s.users[row.User]
		if !ok {
			if len(s.Users) == maxUsers {
				return row.Wrong(User, fmt.Sprintf("the log has more than %d users", maxUsers), "split it")
			}
			n = int32(len(s.Users))
			s.users[row.User] = n
			s.Users, s.Members = append(s.Users, row.User), append(s.Members, nil)
		}
		user = int(n)
	}
	if row.Room == "" {
		return nil
	}
	n, ok := s.rooms[row.Room]
	if !ok {
		if len(s.Rooms) == maxRooms {
			return row.Wrong(Room, fmt.Sprintf("the log has more than %d rooms", maxRooms), "split it")
		}
		n = int32(len(s.Rooms))
		s.rooms[row.Room] = n
		s.Rooms = append(s.Rooms, row.Room)
	}
	if user < 0 {
		return nil
	}
	at, is := slices.BinarySearch(s.Members[user], n)
	if is {
		return nil
	}
	if *joined++; *joined > maxJoined {
		return row.Wrong(Room, fmt.Sprintf("the users are in more than %d rooms together", maxJoined), "split the log")
	}
	s.Members[user] = slices.Insert(s.Members[user], at, n)
	return nil
}
