package scenario

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"

	"github.com/throng-io/throng/scenario/result"
)

// A history is the seconds of a trial. All but the latest are kept compressed, in some hundred
// bytes each in the place of some thousand: a run of a day has 86 400 of them, and what grows in
// this process is also a part of what it measures.
type history struct {
	packed [][]byte // JSON by flate, of packAt seconds each
	recent []result.Second
	err    error // why some could not be compressed
}

// packAt is how many seconds are compressed together, in some milliseconds.
const packAt = 64

// add appends a second.
func (h *history) add(s *result.Second) {
	h.recent = append(h.recent, *s)
	if len(h.recent) < packAt {
		return
	}
	var out bytes.Buffer
	to, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err == nil {
		err = json.NewEncoder(to).Encode(h.recent)
	}
	if err == nil {
		err = to.Close()
	}
	if err != nil {
		h.err = fmt.Errorf("compressing the seconds of the trial: %w", err)
		return
	}
	h.packed = append(h.packed, bytes.Clone(out.Bytes()))
	clear(h.recent)
	h.recent = h.recent[:0]
}

// all returns the seconds in order, and what has gone wrong with them. Those that could not be read
// again are empty.
func (h *history) all() (out []result.Second, err error) {
	err = h.err
	out = make([]result.Second, 0, len(h.packed)*packAt+len(h.recent))
	for _, p := range h.packed {
		some := make([]result.Second, 0, packAt)
		if e := json.NewDecoder(flate.NewReader(bytes.NewReader(p))).Decode(&some); e != nil {
			err = fmt.Errorf("reading the seconds of the trial again: %w", e)
			some = make([]result.Second, packAt)
		}
		out = append(out, some...)
	}
	return append(out, h.recent...), err
}
