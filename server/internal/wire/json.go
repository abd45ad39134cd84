package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// names are rooms, which may be numbers. They are written as a list also when there are none.
type names []string

func (n names) MarshalJSON() ([]byte, error) {
	if n == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]string(n))
}

func (n *names) UnmarshalJSON(b []byte) error {
	var list []any
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*n = make(names, 0, len(list))
	for _, v := range list {
		switch v := v.(type) {
		case string:
			*n = append(*n, v)
		case float64:
			*n = append(*n, number(v))
		}
	}
	return nil
}

type optsJSON struct {
	Rooms  names      `json:"rooms"`
	Except names      `json:"except"`
	Flags  *flagsJSON `json:"flags,omitempty"`
}

type flagsJSON struct {
	Volatile bool     `json:"volatile,omitempty"`
	Compress *bool    `json:"compress,omitempty"`
	Timeout  *float64 `json:"timeout,omitempty"`
}

func optsOf(to Audience) *optsJSON {
	f := &flagsJSON{Volatile: to.Volatile}
	if to.NoCompress {
		f.Compress = new(bool)
	}
	if to.Timeout > 0 {
		ms := float64(to.Timeout.Milliseconds())
		f.Timeout = &ms
	}
	return &optsJSON{Rooms: to.Rooms, Except: to.Except, Flags: f}
}

func (o *optsJSON) audience() Audience {
	if o == nil {
		return Audience{}
	}
	to := Audience{Rooms: o.Rooms, Except: o.Except}
	if f := o.Flags; f != nil {
		to.Volatile = f.Volatile
		to.NoCompress = f.Compress != nil && !*f.Compress
		if f.Timeout != nil && *f.Timeout > 0 && *f.Timeout < 1e9 {
			to.Timeout = time.Duration(*f.Timeout) * time.Millisecond
		}
	}
	return to
}

// marshal writes strings, numbers and checked JSON, as JSON.stringify would: < > & stay.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// broadcastJSON is the data of a broadcast, on the way of every message.
func broadcastJSON(m *Message) []byte {
	b := make([]byte, 0, len(m.Args)+len(m.Event)+128)
	b = append(appendEventJSON(append(b, `{"packet":{"type":2,"data":`...), m), '}')
	if m.Request != "" {
		b = socketio.AppendString(append(b, `,"requestId":`...), m.Request)
	}
	b = appendNamesJSON(append(b, `,"opts":{"rooms":[`...), m.To.Rooms)
	b = appendNamesJSON(append(b, `],"except":[`...), m.To.Except)
	return append(appendFlagsJSON(append(b, `],"flags":`...), m.To), '}', '}')
}

// appendFlagsJSON writes what flagsJSON says of an audience.
func appendFlagsJSON(b []byte, to Audience) []byte {
	b = append(b, '{')
	begun := len(b)
	if to.Volatile {
		b = append(b, `"volatile":true,`...)
	}
	if to.NoCompress {
		b = append(b, `"compress":false,`...)
	}
	if to.Timeout > 0 {
		b = append(strconv.AppendInt(append(b, `"timeout":`...), to.Timeout.Milliseconds(), 10), ',')
	}
	if len(b) > begun {
		b = b[:len(b)-1] // the last comma
	}
	return append(b, '}')
}

func appendNamesJSON(b []byte, list []string) []byte {
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = socketio.AppendString(b, s)
	}
	return b
}

// eventJSON is the array of an event's name and arguments, which are JSON.
func eventJSON(m *Message) []byte { return appendEventJSON(nil, m) }

func appendEventJSON(b []byte, m *Message) []byte {
	b = socketio.AppendString(append(b, '['), m.Event)
	if len(m.Args) > 0 {
		b = append(append(b, ','), m.Args...)
	}
	return append(b, ']')
}

func (m *Message) eventJSON(b []byte) error {
	name, args, err := socketio.SplitEvent(bytes.TrimSpace(b))
	if err != nil {
		return errEvent
	}
	m.Event, m.Args, m.Parser = string(name), args, socketio.JSON
	return nil
}

// firstJSON is the value of an answer; nil, which is left out, if there is none.
func firstJSON(args []byte) []byte {
	first, _ := socketio.NextArg(args)
	return first
}

type socketJSON struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     names           `json:"rooms"`
	Data      json.RawMessage `json:"data,omitempty"`
}

func socketsJSON(list []Socket) []byte {
	all := make([]socketJSON, len(list))
	for i, s := range list {
		all[i] = socketJSON{ID: s.ID, Handshake: s.Handshake, Rooms: s.Rooms, Data: s.Data}
	}
	return marshal(all)
}

func (m *Message) socketsJSON(b []byte) error {
	var all []socketJSON
	if json.Unmarshal(b, &all) != nil {
		return errForm
	}
	for _, s := range all {
		m.List = append(m.List, Socket{ID: s.ID, Handshake: s.Handshake, Rooms: s.Rooms, Data: s.Data})
	}
	return nil
}
