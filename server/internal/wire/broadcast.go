package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/socketio"
)

// broadcastText reads a broadcast in JSON, which is most of what nodes send each other, in a
// fraction of the time of encoding/json. It returns false, and leaves m as it is, for every other
// message, and for a broadcast that has flags, wants an answer, or is not written as nodes write
// it. Args are a part of b then.
func (m *Message) broadcastText(b []byte) bool {
	if !utf8.Valid(b) || !json.Valid(b) {
		return false
	}
	var r Message
	var data []byte
	typed := false
	ok := members(b, func(key, value []byte) (ok bool) {
		switch string(key) {
		case "type":
			typed = string(value) == broadcastType
			return typed
		case "uid":
			r.From, ok = plainString(value)
			return ok
		case "nsp":
			r.Namespace, ok = plainString(value)
			return ok
		}
		ok = string(key) == "data" && data == nil
		data = value
		return ok
	})
	if !ok || !typed || !r.broadcastData(data) {
		return false
	}
	*m = r
	return true
}

// broadcastType is the number of Broadcast in the table of types.
const broadcastType = "3"

// broadcastData is broadcastText for the data of a broadcast, which is a part of a JSON text.
func (m *Message) broadcastData(b []byte) bool {
	r := *m
	r.Kind, r.Parser = Broadcast, socketio.JSON
	var packet, event, opts []byte
	ok := members(b, func(key, value []byte) (ok bool) {
		if string(key) == "packet" {
			ok = packet == nil
			packet = value
			return ok
		}
		ok = string(key) == "opts" && opts == nil
		opts = value
		return ok
	}) && members(packet, func(key, value []byte) bool {
		if string(key) == "data" {
			event = value
		}
		return string(key) == "type" || string(key) == "data" || string(key) == "nsp"
	}) && members(opts, func(key, value []byte) (ok bool) {
		switch string(key) {
		case "rooms":
			r.To.Rooms, ok = plainStrings(value)
			return ok
		case "except":
			r.To.Except, ok = plainStrings(value)
			return ok
		}
		return string(key) == "flags" && string(value) == "{}"
	}) && r.eventJSON(event) == nil
	if ok {
		*m = r
	}
	return ok
}

// members calls f for each member of an object until f returns false, and reports whether b is an
// object and f has returned true for all. b must be a part of a JSON text. Keys are as they stand
// in the text, without quotes.
func members(b []byte, f func(key, value []byte) bool) bool {
	b = bytes.TrimSpace(b)
	if len(b) < 2 || b[0] != '{' {
		return false
	}
	for rest := b[1 : len(b)-1]; len(rest) > 0; {
		var key, value []byte
		if key, rest = socketio.NextArg(rest); len(key) < 2 || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		if value, rest = socketio.NextArg(rest[1:]); value == nil || !f(key[1:len(key)-1], value) {
			return false
		}
	}
	return true
}

// plainString is the value of a string, if it has no escapes.
func plainString(b []byte) (string, bool) {
	if len(b) < 2 || b[0] != '"' || bytes.IndexByte(b, '\\') >= 0 {
		return "", false
	}
	return string(b[1 : len(b)-1]), true
}

// plainStrings is the value of a list of strings, if none of them has escapes.
func plainStrings(b []byte) (list []string, ok bool) {
	if len(b) < 2 || b[0] != '[' {
		return nil, false
	}
	list = []string{}
	for rest := b[1 : len(b)-1]; len(rest) > 0; {
		var one []byte
		one, rest = socketio.NextArg(rest)
		s, ok := plainString(one)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}
