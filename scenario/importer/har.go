package importer

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/scenario/draft"
	"github.com/throng-io/throng/scenario/file"
)

// A recording is the part of an HTTP archive that says what clients and server told each other.
type recording struct {
	Log struct {
		Entries []entry `json:"entries"`
	} `json:"log"`
}

type entry struct {
	Started string `json:"startedDateTime"`
	Request struct {
		Method   string `json:"method"`
		URL      string `json:"url"`
		Headers  []pair `json:"headers"`
		PostData struct {
			Text string `json:"text"`
			MIME string `json:"mimeType"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Content struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
			MIME     string `json:"mimeType"`
		} `json:"content"`
	} `json:"response"`
	Time     float64   `json:"time"` // milliseconds that it took
	Messages []message `json:"_webSocketMessages"`
	Kind     string    `json:"_resourceType"` // as Chromium writes it
}

type pair struct {
	Name string `json:"name"`
}

// A message is a frame of a websocket as browsers record it: a text, or binary data in base64.
type message struct {
	Type   string  `json:"type"` // send or receive
	Time   float64 `json:"time"` // seconds since 1970
	Opcode int     `json:"opcode"`
	Data   string  `json:"data"`
}

// HAR reads the recording of a browser, as its developer tools export it, and drafts a scenario and
// a log from the sockets in it: websocket frames and polling bodies. path is the Engine.IO path, ""
// = the path of the requests that look like it. The draft has no secrets, see package draft. The
// error is a *file.Error.
func HAR(name string, text []byte, path string) (*Result, error) {
	var rec recording
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if err := json.Unmarshal(text, &rec); err != nil {
		return nil, noArchive(name, text, err)
	}
	t := &timeline{sessions: map[string]*draft.Client{}, observer: draft.New(0), path: path}
	for i := range rec.Log.Entries {
		t.entry(&rec.Log.Entries[i])
	}
	t.play()
	d := t.observer.Draft(draft.Options{Name: "recorded", Source: "throng import har", Target: t.target, Path: t.path, Log: "trace.csv"})
	if d.Empty() {
		return nil, &file.Error{
			File: name, Line: 1, Col: 1, Msg: "the recording has no connection of Socket.IO in it",
			Hint: "open the network panel before the page connects, and export with content; --path names another path than /socket.io/",
		}
	}
	var log bytes.Buffer
	if err := d.WriteLog(&log); err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	r := &Result{Scenario: d.Scenario(), Files: []File{{"trace.csv", log.Bytes()}, {"replay.yaml", d.Replay()}}}
	for _, line := range append(d.Left(), t.notes...) {
		r.Notes = append(r.Notes, Note{Text: line})
	}
	return r.valid(name)
}

// noArchive says why a text is no recording, and where.
func noArchive(name string, text []byte, err error) error {
	out := &file.Error{File: name, Line: 1, Col: 1, Msg: err.Error(), Hint: "export it from the network panel of a browser, as HAR with content"}
	if bad, is := errors.AsType[*json.SyntaxError](err); is && bad.Offset > 0 {
		before := text[:bad.Offset-1]
		out.Line = 1 + bytes.Count(before, []byte("\n"))
		out.Col = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	}
	if bad, is := errors.AsType[*json.UnmarshalTypeError](err); is { // without the types of this program
		out.Msg = fmt.Sprintf("%s cannot be %s", cmp.Or(bad.Field, "it"), bad.Value)
	}
	out.Msg = "the file is no HTTP archive: " + printable(out.Msg)
	return out
}

// A timeline is everything that happened, in order of time.
type timeline struct {
	observer *draft.Observer
	path     string
	target   string
	sessions map[string]*draft.Client
	events   []event
	notes    []string
	unread   int // entries that could not be read
	beyond   int // packets beyond maxEvents
}

// An event is what the observer is told of a moment.
type event struct {
	at   time.Time
	tell func()
}

// maxEvents bounds the packets of a recording.
const maxEvents = 2_000_000

func (t *timeline) add(at time.Time, tell func()) {
	if len(t.events) >= maxEvents {
		t.beyond++
		return
	}
	t.events = append(t.events, event{at, tell})
}

// play hands everything to the observer.
func (t *timeline) play() {
	sort.SliceStable(t.events, func(i, j int) bool { return t.events[i].at.Before(t.events[j].at) })
	for _, e := range t.events {
		e.tell()
	}
	if t.unread > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d entries could not be read", t.unread))
	}
	if t.beyond > 0 {
		t.notes = append(t.notes, fmt.Sprintf("the recording has more than %d packets: the last %d are left out", maxEvents, t.beyond))
	}
}

// entry takes in one request, with what followed on its connection.
func (t *timeline) entry(e *entry) {
	u, err := url.Parse(e.Request.URL)
	at, terr := time.Parse(time.RFC3339Nano, e.Started)
	if err != nil || terr != nil || u.Host == "" || at.Year() < 1970 || at.Year() > 9000 {
		t.unread++
		return
	}
	if e.Kind == "webtransport" {
		t.observer.Note("sessions over WebTransport, of which browsers export nothing: record with a client that has websocket or polling")
		return
	}
	q := u.Query()
	transport := q.Get("transport")
	engine := q.Get("EIO") != "" && (transport == "websocket" || transport == "polling") && (t.path == "" || strings.TrimSuffix(t.path, "/") == strings.TrimSuffix(u.Path, "/"))
	host := strings.NewReplacer("wss", "https", "ws", "http").Replace(u.Scheme) + "://" + u.Host
	if !engine {
		if m := e.Request.Method; m != "" && !slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, strings.ToUpper(m)) && len(m) < 16 {
			t.add(at, func() { t.observer.Request(strings.ToUpper(m), u.Path) })
		}
		return
	}
	if t.path == "" {
		t.path = u.Path
	}
	if t.target == "" {
		t.target = host
	} else if t.target != host {
		t.observer.Note("sockets of another server: " + printable(host))
		return
	}
	x := &exchange{t: t, at: at, transport: transport, v3: q.Get("EIO") == "3", sid: q.Get("sid"), query: q}
	for _, h := range e.Request.Headers {
		if reToken(h.Name) {
			x.headers = append(x.headers, h.Name)
		}
	}
	if transport == "websocket" {
		x.frames(e.Messages)
		return
	}
	x.polled(e)
}

// An exchange is a request with its answer, or a websocket.
type exchange struct {
	t              *timeline
	at             time.Time
	transport, sid string
	v3             bool
	query          url.Values
	headers        []string // their names
	session        *draft.Client
}

// frames takes in the frames of a websocket.
func (x *exchange) frames(list []message) {
	if len(list) == 0 {
		return
	}
	for _, m := range list {
		if m.Type != "send" && m.Type != "receive" || m.Opcode != 1 && m.Opcode != 2 {
			continue
		}
		at := x.at
		if m.Time > 0 && m.Time < 1e11 {
			at = time.Unix(0, int64(m.Time*1e9))
		}
		x.t.add(at, func() {
			data, text := []byte(m.Data), m.Opcode == 1
			if !text {
				raw, err := base64.StdEncoding.DecodeString(m.Data)
				if err != nil {
					x.t.unread++
					return
				}
				data = raw
			}
			p := engineio.Packet{Type: engineio.Message, Binary: true, Data: data}
			var err error
			switch {
			case text:
				p, err = engineio.Parse(data)
			case x.v3:
				p, err = engineio.ParseBinaryV3(data)
			}
			if err != nil {
				x.t.unread++
				return
			}
			x.packet(at, m.Type == "send", p)
		})
	}
}

// polled takes in a polling request: what was sent at its beginning, and what came at its end.
func (x *exchange) polled(e *entry) {
	if strings.EqualFold(e.Request.Method, "POST") {
		body := []byte(e.Request.PostData.Text)
		x.t.add(x.at, func() { x.payload(x.at, true, body, e.Request.PostData.MIME) })
		return
	}
	body := []byte(e.Response.Content.Text)
	if e.Response.Content.Encoding == "base64" {
		raw, err := base64.StdEncoding.DecodeString(e.Response.Content.Text)
		if err != nil {
			x.t.unread++
			return
		}
		body = raw
	}
	at := x.at
	if e.Time > 0 && e.Time < 1e9 {
		at = at.Add(time.Duration(e.Time * 1e6))
	}
	x.t.add(at, func() { x.payload(at, false, body, e.Response.Content.MIME) })
}

func (x *exchange) payload(at time.Time, up bool, body []byte, mime string) {
	if x.v3 {
		for p := engineio.NewPayloadV3(body, strings.Contains(mime, "octet-stream")); p.Next(); {
			x.packet(at, up, p.Packet())
		}
		return
	}
	for p := engineio.NewPayload(body); p.Next(); {
		x.packet(at, up, p.Packet())
	}
}

// packet hands a packet to the observer.
func (x *exchange) packet(at time.Time, up bool, p engineio.Packet) {
	if x.session == nil && x.sid != "" {
		x.session = x.t.sessions[x.sid]
	}
	switch {
	case p.Type == engineio.Open && !up && x.session == nil:
		h, err := engineio.ParseHandshake(p.Data)
		if err != nil || len(x.t.sessions) > 10_000 {
			x.t.unread++
			return
		}
		x.session = x.t.observer.Open(at, x.transport)
		x.session.Handshake(x.query, x.headers, x.v3)
		x.t.sessions[h.SID] = x.session
	case x.session == nil:
	case p.Type == engineio.Message:
		x.session.Message(at, up, p.Binary, p.Data)
	case p.Type == engineio.Upgrade && up:
		x.session.Upgraded()
	case p.Type == engineio.Close:
		x.session.Close(at)
	}
}
