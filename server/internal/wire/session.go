package wire

import (
	"encoding/base64"
	"slices"
)

// Session is a socket that may come back, as @socket.io/redis-streams-adapter keeps it when it has
// left. Offset and Incarnation are not in the official form, whose readers ignore them.
type Session struct {
	ID, Private string
	Rooms       []string // without the one that the socket has by its id
	Data        []byte   // MessagePack; nil: none
	Offset      string
	// Incarnation identifies the stay of the socket on the server that saved it; "" if the socket
	// has left that server. The field is "life" in the stored form.
	Incarnation string
}

// Text is the session as base64 of MessagePack.
func (s *Session) Text() string {
	n := 4
	for _, more := range []string{s.Offset, s.Incarnation} {
		if more != "" {
			n++
		}
	}
	b := value(value(appendMap(nil, n), "sid"), s.ID)
	b = value(value(b, "pid"), s.Private)
	b = appendStrings(value(b, "rooms"), append([]string{s.ID}, s.Rooms...))
	b = value(b, "data")
	if s.Data == nil {
		b = appendMap(b, 0) // official servers hand it to the application, which expects an object
	} else {
		b = append(b, s.Data...)
	}
	if s.Offset != "" {
		b = value(value(b, "offset"), s.Offset)
	}
	if s.Incarnation != "" {
		b = value(value(b, "life"), s.Incarnation)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// ParseSession is the reverse of Session.Text.
func ParseSession(text string) (s Session, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !whole(b) {
		return s, errForm
	}
	if !fields(b, s.field) || s.ID == "" || s.Private == "" {
		return s, errForm
	}
	s.Rooms = slices.DeleteFunc(s.Rooms, func(room string) bool { return room == s.ID })
	return s, nil
}

func (s *Session) field(key string, v []byte) {
	switch key {
	case "sid":
		s.ID, _ = text(v)
	case "pid":
		s.Private, _ = text(v)
	case "rooms":
		s.Rooms = texts(v)
	case "data":
		if n, _ := head(v, 0x80, 0xde); n != 0 && !isNil(v) {
			s.Data = v
		}
	case "offset":
		s.Offset, _ = text(v)
	case "life":
		s.Incarnation, _ = text(v)
	}
}
