package draft

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// secretName is the variable that stands for a value that was not kept.
func secretName(key string) string {
	name := strings.ReplaceAll(slug(key, "value"), "-", "_")
	if slices.Contains([]string{"matrix", "client", "room", "seq", "payload", "stamp", "group", "event", "env", "loop", "now", "uuid", "random", "pick", "peer", "counter"}, name) {
		return name + "_value"
	}
	return name
}

// secrets are the variables that the draft names.
func (d *Draft) secrets() (names []string) {
	add := func(key string) {
		if n := secretName(key); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, c := range d.o.clients {
		for _, list := range [][]string{c.auth, c.query, c.headers} {
			for _, k := range list {
				add(k)
			}
		}
	}
	for _, op := range d.c.of {
		op.literals(func(path string, _ any) { add(lastWord(path)) })
	}
	return names
}

// lastWord is the last key of a path that is a word, for a name.
func lastWord(path string) string {
	parts := strings.Split(path, "/")
	for _, p := range slices.Backward(parts) {
		if _, err := strconv.Atoi(p); err != nil && p != "" {
			return p
		}
	}
	return "secret"
}

// literals calls f for each value of the sample that may be a credential and stays the same.
func (op *operation) literals(f func(path string, v any)) {
	walk("", op.sample, func(path string, v any) any {
		if op.isSecret(path, v) {
			f(path, v)
		}
		return v
	})
}

func (op *operation) isSecret(path string, v any) bool {
	return !op.holds(op.room, path) && !op.holds(op.payload, path) && !op.varies[path] && !op.odd && v != nil && secret(op.name, path, v)
}

// holds reports whether a place of a text has that path.
func (op *operation) holds(at int, path string) bool { return at >= 0 && op.texts[at].path == path }

// isID reports whether a short text was another one in every message, as the id is that a client
// gives each: servers drop the second message with one.
func (op *operation) isID(path string) bool {
	i := slices.IndexFunc(op.texts, func(t *text) bool { return t.path == path })
	if i < 0 || op.n < leastIDs {
		return false
	}
	t := op.texts[i]
	return !t.long && !t.words && len(t.distinct) == op.n && t.bytes >= leastID*int64(op.n)
}

// An id has so many characters, and is seen in so many messages.
const leastID, leastIDs = 8, 4

// emit writes the event and its arguments.
func (op *operation) emit() string {
	list := []any{op.name}
	for i, arg := range op.sample {
		if op.odd {
			list = append(list, hollow(arg))
			continue
		}
		list = append(list, walk("/"+strconv.Itoa(i), arg, func(path string, v any) any {
			switch text, isText := v.(string); {
			case op.holds(op.room, path):
				return yamltext.Template("${room}")
			case op.holds(op.payload, path):
				return yamltext.Template("${payload}")
			case op.isSecret(path, v):
				return yamltext.Template("${" + secretName(lastWord(path)) + "}")
			case op.isID(path):
				return yamltext.Template("${uuid}")
			case op.varies[path] && isText && op.n > 1, isText && op.n == 1, isText && len(text) > 64:
				return "text"
			case op.varies[path] && secret(op.name, path, v), op.n == 1 && long(v):
				return 0
			}
			return v
		}))
	}
	return yamltext.Flow(list)
}

// long reports whether a value is a number with so many digits that it may be a code, or an id.
func long(v any) bool {
	n, is := v.(json.Number)
	return is && len(n) > 3
}

// hollow is a value of the same kind that says nothing: of messages with several forms the first is
// not written.
func hollow(v any) any {
	switch v.(type) {
	case []any:
		return []any{}
	case map[string]any:
		return map[string]any{}
	case string:
		return "text"
	case bool, nil:
		return v
	}
	return 0
}

// contract writes what clients can ask of the server.
func (d *Draft) contract(p *page) {
	if len(d.c.of) == 0 {
		return
	}
	p.line("contract:")
	for _, call := range []struct {
		key string
		op  *operation
	}{{"join", d.c.join}, {"leave", d.c.leave}} {
		if call.op != nil {
			p.line("  %s: {emit: %s%s}", call.key, call.op.emit(), optional(", ack: true", call.op.acked))
		}
	}
	if len(d.c.ops) == 0 {
		p.line("")
		return
	}
	p.line("  operations:")
	first := d.first()
	for _, op := range d.c.ops {
		if op.doubt != "" {
			p.line("    # %s: %s.", op.op, op.doubt)
		}
		if op.binary > 0 {
			p.line("    # %s: %d of its %d messages had binary attachments, which are not drafted.", op.op, op.binary, op.n)
		}
		to := op.to
		switch {
		case to == "room" && (d.c.join == nil || op.namespace != d.c.join.namespace):
			to = "none"
		case to == "room" && op.others:
			to = "{room: true, others: true}"
		}
		p.line("    %s: {emit: %s, to: %s%s%s%s}", op.op, op.emit(), to,
			optional(", deliver: %s", to != "none" && op.deliver != "", yamltext.Text(op.deliver)),
			optional(", ack: true", op.acked), optional(", namespace: %s", op.namespace != first, yamltext.Text(op.namespace)))
	}
	p.line("")
}
