package draft

import (
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An event is what clients emit under one name in one namespace.
type event struct {
	name, namespace string
	n               int
	clients         map[int32]int // messages by client
	asked, answered int
	sample          []any
	texts           []*text
	varies          map[string]bool // paths whose values differ
	odd             bool            // its arguments are of several shapes, or have keys that may be secret
	binary          int
	delivered       map[string]int // by the event of the server
	matched         int            // messages that came out again
	toSelf          int            // of them, those that came back to their sender
	toOthers        int            // of them, those that others received
	reach           float64        // sum of the shares of other clients that received them
}

// reAddress is a text that is a URL, or the path of one.
var reAddress = regexp.MustCompile(`^([a-z][a-z0-9+.-]*://|data:|/)\S+$`)

// A text is a place in the arguments of an event where a text stands.
type text struct {
	path      string
	hits      int   // how often it came out again
	bytes     int64 // of all messages
	distinct  map[int32]bool
	addresses int  // how often it was the address of something else, or empty for want of one
	long      bool // some were longer than a word
	words     bool // some had blanks
}

// A message may still be delivered.
type message struct {
	event    *event
	at       time.Time
	client   int32
	texts    [maxTexts]string
	known    [maxTexts]bool // of texts that the server had said before
	received map[int32]bool
	others   int // other clients that were there
}

// An answer is what clients acknowledge.
type answer struct {
	event  string
	asked  int
	given  int
	sample []any
	differ bool
}

// event finds an event, or makes it; nil when there are too many.
func (o *Observer) event(name, namespace string) *event {
	k := namespace + "," + name
	e := o.byName[k]
	if e == nil && len(o.events) < maxEvents {
		e = &event{name: name, namespace: namespace, clients: map[int32]int{}, delivered: map[string]int{}, varies: map[string]bool{}}
		o.byName[k] = e
		o.events = append(o.events, e)
	}
	return e
}

// look takes in the arguments of a message.
func (e *event) look(o *Observer, list []any, size int, r *row, m *message) {
	if e.sample == nil {
		if size > maxSample {
			e.odd = true
			return
		}
		e.sample = list
	}
	seen := map[string]any{}
	walk("", list, func(path string, v any) any {
		seen[path] = v
		e.odd = e.odd || slices.ContainsFunc(strings.Split(path, "/"), keyLooksSecret)
		s, isText := v.(string)
		if !isText {
			return v
		}
		i := slices.IndexFunc(e.texts, func(t *text) bool { return t.path == path })
		if i < 0 {
			if len(e.texts) == maxTexts {
				return v
			}
			i = len(e.texts)
			e.texts = append(e.texts, &text{path: path, distinct: map[int32]bool{}})
		}
		r.sizes[i], m.texts[i], m.known[i] = int32(len(s)), s, o.heard[maphash.String(o.seed, s)]
		e.texts[i].bytes += int64(len(s))
		if s == "" || reAddress.MatchString(s) {
			e.texts[i].addresses++
		}
		e.texts[i].words = e.texts[i].words || strings.Contains(s, " ")
		if w := o.word(s); w >= 0 {
			r.words[i] = w
			if t := e.texts[i]; len(t.distinct) < maxWords/maxEvents {
				t.distinct[w] = true
			}
		} else {
			e.texts[i].long = true
		}
		return v
	})
	n := 0
	walk("", e.sample, func(path string, v any) any {
		n++
		if now, there := seen[path]; !there {
			e.odd = true
		} else if now != v {
			e.varies[path] = true
		}
		return v
	})
	if n != len(seen) {
		e.odd = true
	}
}

// word keeps a short text once; -1 for one that is too long, or beyond the limit.
func (o *Observer) word(s string) int32 {
	if len(s) == 0 || len(s) > maxWord || printable(s) != s {
		return -1
	}
	if w, ok := o.words[s]; ok {
		return w
	}
	if len(o.wordList) >= maxWords {
		return -1
	}
	w := int32(len(o.wordList))
	o.words[s] = w
	o.wordList = append(o.wordList, s)
	return w
}

// await keeps a message for as long as it may be delivered.
func (o *Observer) await(m *message) {
	for len(o.pending) > 0 && (len(o.pending) >= maxPending || m.at.Sub(o.pending[0].at) > pendingFor) {
		o.settle(o.pending[0])
		o.pending = o.pending[1:]
	}
	o.pending = append(o.pending, m)
	for _, s := range m.texts {
		if len(s) > 0 {
			o.texts[s] = append(o.texts[s], m)
		}
	}
}

// settle accounts for a message that is no longer awaited.
func (o *Observer) settle(m *message) {
	for _, s := range m.texts {
		if len(s) == 0 {
			continue
		}
		rest := slices.DeleteFunc(o.texts[s], func(x *message) bool { return x == m })
		if len(rest) == 0 {
			delete(o.texts, s)
		} else {
			o.texts[s] = rest
		}
	}
	if len(m.received) == 0 {
		return
	}
	e := m.event
	e.matched++
	others := len(m.received)
	if m.received[m.client] {
		e.toSelf++
		others--
	}
	if others > 0 {
		e.toOthers++
		e.reach += float64(others) / float64(max(others, m.others))
	}
}

// delivers finds the message that an event of the server delivers: a text of it comes out again
// that no other pending message has. What the server has said before says nothing: clients repeat
// the names of others.
func (o *Observer) delivers(c *Client, name string, list []any) {
	defer walk("", list, func(_ string, v any) any {
		if s, isText := v.(string); isText && len(o.heard) < maxWords {
			o.heard[maphash.String(o.seed, s)] = true
		}
		return v
	})
	var best *message
	longest := 0
	walk("", list, func(_ string, v any) any {
		if s, isText := v.(string); isText && len(s) > longest && len(o.texts[s]) == 1 {
			m := o.texts[s][0]
			if i := slices.Index(m.texts[:], s); !m.known[i] && !m.event.texts[i].common(m.event.n) {
				best, longest = m, len(s)
			}
		}
		return v
	})
	if best == nil || best.received[c.id] {
		return
	}
	best.received[c.id] = true
	best.event.delivered[name]++
	walk("", list, func(_ string, v any) any {
		if s, isText := v.(string); isText && s != "" {
			if i := slices.Index(best.texts[:], s); i >= 0 && !best.known[i] {
				best.event.texts[i].hits++
			}
		}
		return v
	})
}

// common reports whether a text has few values in so many messages, as the name of a room has.
func (t *text) common(n int) bool { return n >= 4 && !t.long && len(t.distinct)*2 < n }
