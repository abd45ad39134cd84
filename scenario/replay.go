package scenario

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/recorded"
	"github.com/throng-io/throng/scenario/regular"
)

// A replay plays a recorded log: a source of the pacer that hands each row to the stream of its
// event. A goroutine of its own reads the log a little ahead, so that the pacer does not wait for
// the disk and a log of any length takes little memory.
type replay struct {
	group   *group
	spec    file.Replay
	log     *file.Log
	streams []*stream
	clock   *plan.Playback

	ahead chan []recorded.Row
	batch []recorded.Row
	stop  context.CancelFunc
	n     uint64 // rows so far
	row   *recorded.Row
	to    *stream

	mu  sync.Mutex
	err error // why reading ended early
}

const (
	rowsAtOnce   = 256 // between the reader and the pacer
	batchesAhead = 8
)

// replays returns the sources that play logs, with the streams that they feed.
func (t *trial) newReplays() (list []*replay) {
	for _, g := range t.groups {
		by := map[file.Replay]*replay{}
		for _, s := range t.streams {
			if s.group != g || s.spec.Replay == nil {
				continue
			}
			key := *s.spec.Replay
			r := by[key]
			if r == nil {
				r = &replay{
					group: g, spec: key, log: t.opt.logs[key.Path], ahead: make(chan []recorded.Row, batchesAhead),
					clock: plan.NewPlayback(t.tl, key.Speed, s.spec.Scale),
				}
				by[key] = r
				list = append(list, r)
			}
			r.streams = append(r.streams, s)
		}
	}
	return list
}

// start begins to read.
func (r *replay) start(ctx context.Context, wg *sync.WaitGroup) {
	ctx, r.stop = context.WithCancel(ctx)
	wg.Go(func() {
		defer close(r.ahead)
		if err := r.read(ctx); err != nil {
			r.mu.Lock()
			r.err = err
			r.mu.Unlock()
		}
	})
}

// read passes on the rows that are messages of the streams.
func (r *replay) read(ctx context.Context) error {
	in, err := regular.Open(r.log.File, 1<<62)
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := recorded.NewReader(in)
	if err != nil {
		return err
	}
	batch := make([]recorded.Row, 0, rowsAtOnce)
	for {
		row, err := rows.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if !end && r.stream(row.Event) != nil {
			batch = append(batch, row)
		}
		if len(batch) == rowsAtOnce || end && len(batch) > 0 {
			select {
			case r.ahead <- batch:
				batch = make([]recorded.Row, 0, rowsAtOnce)
			case <-ctx.Done():
				return nil
			}
		}
		if end {
			return nil
		}
	}
}

// stream is the stream of an event; nil when there is none.
func (r *replay) stream(event string) *stream {
	for _, s := range r.streams {
		if s.spec.Plays(event, r.log.HasEvents) {
			return s
		}
	}
	return nil
}

func (r *replay) next() (int64, bool) {
	if len(r.batch) == 0 {
		if r.batch = <-r.ahead; len(r.batch) == 0 {
			return 0, false
		}
	}
	r.row, r.batch = &r.batch[0], r.batch[1:]
	due, phase, ok := r.clock.Due(r.row.At)
	if !ok {
		r.stop()
		return 0, false
	}
	r.to = r.stream(r.row.Event)
	r.to.op = plan.Op{N: r.n, Phase: phase, Due: due, Row: r.of(r.row)}
	if r.spec.ByUser {
		r.to.op.Source = uint32(max(0, r.log.User(r.row.User)) % max(1, r.group.spec.Count))
	}
	r.n++
	return due, true
}

// of is what the log says of an operation, in the words of the plan.
func (r *replay) of(row *recorded.Row) *plan.Row {
	x := &plan.Row{Room: -1, Size: row.Size, Body: row.Body}
	if r.group.spec.Rooms != nil && r.group.spec.Rooms.Names != nil {
		x.Room = r.log.Room(row.Room)
	}
	return x
}

func (r *replay) fire(now int64) { r.to.fire(now) }

func (r *replay) skip(now int64) { r.to.skip(now) }

// broken says why the log was not read to its end; nil when it was, or was not needed.
func (r *replay) broken() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// replayed warns of logs that could not be played as they were when the run began, and of those
// that are longer than the phases.
func (f *findings) replayed(say func(format string, args ...any)) {
	for _, r := range f.t.replays {
		if err := r.broken(); err != nil {
			say("the log %s was not replayed to its end: %v; was it changed during the run?", r.spec.Path, err)
		}
	}
	if len(f.t.replays) > 0 {
		for _, note := range f.t.spec.Beyond(f.t.opt.logs) {
			say("%s", note)
		}
	}
}

// sized reports whether the messages of the stream differ in size.
func (s *stream) sized() bool { return !s.spec.Sizes.IsZero() || s.spec.Logged }

// sizeOf is the size of an operation's payload in bytes, at least what its stamp takes.
func (s *stream) sizeOf(o *plan.Op, seq uint32) int {
	if o.Row != nil && o.Row.Size >= 0 {
		return max(o.Row.Size, s.spec.LeastSize())
	}
	if s.spec.Sizes.IsZero() {
		return s.spec.Size
	}
	return s.drawnSize(o.Due, seq)
}

// drawnSize draws the size of a message in bytes, from what its stamp says: a receiver, which may
// be in another process than the sender, then knows how long the message must be.
func (s *stream) drawnSize(due int64, seq uint32) int {
	u := plan.Unit(plan.Draw(s.t.spec.Seed, plan.ForSize, uint64(s.index), uint64(due), uint64(seq)))
	return s.spec.Sizes.Bytes(u, s.t.spec.Largest())
}
