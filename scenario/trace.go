package scenario

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// maxTrace bounds a trace in bytes; the rest is left out, which its last line says.
const maxTrace = 64 << 20

// A tracer writes down every packet of some clients, one a line:
//
//	SECONDS GROUP/INDEX WHAT
//
// WHAT is one of
//
//	> PACKET           a packet that the client sends, CONNECT included
//	< connect DATA     the answer to CONNECT; connect_error when it is a refusal
//	< event NAME ARGS  an event that it receives; an acknowledgement is ack ID ARGS
//	+ TRANSPORT        the client has connected
//	- REASON           the connection has ended, or was not made
//
// Values of auth, and the private session id that the server answers with, are masked, and so are
// secrets of the file and what the client's auth, query and headers carry wherever they come again.
// The packets of Engine.IO (its handshake and pings) are left out.
type tracer struct {
	mu   sync.Mutex
	file *os.File
	w    *bufio.Writer
	left int
	err  error
}

// newTracer returns nil when tracing is off.
func newTracer(t *trial) (*tracer, error) {
	if t.spec.Trace == 0 || t.opt.TraceDir == "" {
		return nil, nil
	}
	name := "trace.txt"
	if cell := result.CellName(t.at.i, t.at.n); cell != "" {
		name = cell + "-" + name
	}
	f, err := os.Create(filepath.Join(t.opt.TraceDir, name))
	if err != nil {
		return nil, fmt.Errorf("write the trace: %w", err)
	}
	return &tracer{file: f, w: bufio.NewWriter(f), left: maxTrace}, nil
}

func (tr *tracer) close() error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	err := tr.w.Flush()
	if !regular.InPlace(tr.file) {
		err = cmp.Or(err, fmt.Errorf("%s was removed or replaced while the trial ran", tr.file.Name()))
	}
	tr.err = cmp.Or(tr.err, err, tr.file.Close())
	return tr.err
}

func (tr *tracer) line(a *actor, at int64, format string, args ...any) {
	// the server's texts may hold line breaks
	what := result.Line(a.masked(fmt.Sprintf(format, args...)))
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.err != nil || tr.left <= 0 {
		return
	}
	n, err := fmt.Fprintf(tr.w, "%.6f %s/%d %s\n", float64(at)/1e9, a.group.spec.Name, a.number, what)
	tr.err = err
	if tr.left -= n; tr.left <= 0 {
		_, tr.err = fmt.Fprintf(tr.w, "the trace ends here, at %d bytes\n", maxTrace)
	}
}

// masked returns a text without the secrets of the file and without the values of the client's
// auth, query and headers.
func (a *actor) masked(text string) string {
	cfg := a.group.config(a.user, a.number, a.transport)
	var values []string
	var auth any
	if first := append(cfg.Auth, cfg.Hello...); len(first) > 0 && json.Unmarshal(first, &auth) == nil {
		values = leaves(values, auth)
	}
	for _, more := range []map[string][]string{cfg.Query, cfg.Header} {
		for _, v := range more {
			values = append(values, v...)
		}
	}
	return file.Mask(a.t.spec.Secrets.Mask(text), values...)
}

// leaves appends the texts in a JSON value.
func leaves(to []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(to, v)
	case []any:
		for _, item := range v {
			to = leaves(to, item)
		}
	case map[string]any:
		for _, item := range v {
			to = leaves(to, item)
		}
	}
	return to
}

func (a *actor) isTraced() bool { return a.t.tracer != nil && a.index < a.t.spec.Trace }

// traced returns the connection itself or, with tracing on, a wrapper that records its traffic.
func (a *actor) traced(d dialed) conn {
	if !a.isTraced() {
		return d.conn
	}
	name := a.t.kinds.transports[a.transport]
	if d.upgrade != nil {
		name += ", and not upgraded: " + d.upgrade.Error()
	}
	a.t.tracer.line(a, a.t.now(), "+ %s", name)
	return &tracedConn{conn: d.conn, a: a}
}

// traceJoining writes down a CONNECT or its answer.
func (a *actor) traceJoining(h client.Handshake) {
	at := a.t.moment(h.At)
	space := ""
	if h.Namespace != "" && h.Namespace != "/" {
		space = h.Namespace
	}
	if h.Sent {
		if space != "" {
			space += ","
		}
		a.t.tracer.line(a, at, "> 0%s%s", space, masked(h.Data, nil))
		return
	}
	text := "< connect"
	if h.Refused {
		text = "< connect_error"
	}
	for _, part := range []string{space, string(masked(h.Data, []string{"pid"}))} {
		if part != "" {
			text += " " + part
		}
	}
	a.t.tracer.line(a, at, "%s", text)
}

// masked replaces the values of a JSON object; only the values of keys unless keys is nil. Readers
// of a trace may not be entitled to the secrets. A value that is not an object is masked as a
// whole, or kept when keys is not nil.
func masked(data json.RawMessage, keys []string) []byte {
	const mask = `"***"`
	var fields map[string]json.RawMessage
	switch {
	case len(data) == 0:
		return nil
	case json.Unmarshal(data, &fields) != nil && keys == nil:
		return []byte(mask)
	case fields == nil:
		return data
	}
	for k := range fields {
		if keys == nil || slices.Contains(keys, k) {
			fields[k] = json.RawMessage(mask)
		}
	}
	out, err := json.Marshal(fields)
	if err != nil { // a field that is no JSON was refused above
		return []byte(mask)
	}
	return out
}

type tracedConn struct {
	conn
	a *actor
}

func (c *tracedConn) Send(packet []byte) error {
	err := c.conn.Send(packet)
	c.sent(packet, nil, err)
	return err
}

func (c *tracedConn) SendBinary(packet []byte, attachments ...[]byte) error {
	err := c.conn.SendBinary(packet, attachments...)
	c.sent(packet, attachments, err)
	return err
}

func (c *tracedConn) sent(packet []byte, attachments [][]byte, err error) {
	text := string(packet) + lengths(attachments)
	if err != nil {
		text += " failed: " + err.Error()
	}
	c.a.t.tracer.line(c.a, c.a.t.now(), "> %s", text)
}

func (c *tracedConn) Run(h client.Handler) error {
	err := c.conn.Run(&tracedHandler{h, c.a})
	c.a.t.tracer.line(c.a, c.a.t.now(), "- %v", err)
	return err
}

type tracedHandler struct {
	h client.Handler
	a *actor
}

func (h *tracedHandler) Event(m *client.Message) {
	id := ""
	if m.HasID {
		id = fmt.Sprintf(" asks for ack %d", m.ID)
	}
	h.line(m, "event "+string(socketio.AppendString(nil, string(m.Name)))+id)
	h.h.Event(m)
}

func (h *tracedHandler) Ack(m *client.Message) {
	h.line(m, fmt.Sprintf("ack %d", m.ID))
	h.h.Ack(m)
}

func (h *tracedHandler) line(m *client.Message, what string) {
	args := string(h.a.group.json(m.Args)) + lengths(m.Attachments)
	h.a.t.tracer.line(h.a, h.a.t.arrived(m), "< %s %s", what, args)
}

// lengths stands for binary data.
func lengths(attachments [][]byte) string {
	var text []byte
	for _, b := range attachments {
		text = fmt.Appendf(text, " [%d bytes]", len(b))
	}
	return string(text)
}
