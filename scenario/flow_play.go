package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
)

// What ends a turn of a flow.
var (
	errWaits = errors.New("the flow waits")
	errMoves = errors.New("the flow goes on on a goroutine of its own")
	errOver  = errors.New("the flow is over")
	errLate  = errors.New("nothing came in time")
)

// stepsAtOnce is how many steps a flow does on a goroutine that others wait for.
const stepsAtOnce = 16

// failedPause is between a round that failed and the next one, where no interval says more.
const failedPause = time.Second

// A lap is a repeat under way: the flow itself, or one of its steps.
type lap struct {
	of     *step
	rounds int           // begun
	outer  int           // round of the lap around it
	at     int           // the step of the round that is next
	began  int64         // the round
	next   time.Duration // when the next round begins, on the client's clock, if paced
	paced  bool
	waits  bool // for next
	going  bool // a round is
}

// A stage is how far a step is that waits on its way.
type stage uint8

const (
	stageNew      stage = iota // not begun
	stageBegun                 // waits for the connection, or for its time
	stageSent                  // waits for what it has asked for
	stageAnswered              // waits for the event that is to follow
)

// play lets the flow go on after a change, unless somebody does already, who then sees the change.
// The caller has locked mu, which play unlocks. Others may wait for its goroutine: for what may
// block, and after some steps, the flow moves to one of its own. It reports whether that was so.
func (f *flow) play() (moved bool) {
	if f.playing {
		f.again = true
		f.mu.Unlock()
		return false
	}
	f.playing = true
	f.mu.Unlock()
	return f.turn(false)
}

// turn is play for who has the turn. own says that the goroutine is the flow's.
func (f *flow) turn(own bool) (moved bool) {
	for {
		switch err := f.advance(own); {
		case errors.Is(err, errMoves):
			go f.turn(true) // the trial waits for it until finish
			return true
		case errors.Is(err, errOver):
			f.finish()
			return false
		}
		f.mu.Lock()
		if !f.again {
			f.playing = false
			f.mu.Unlock()
			return false
		}
		f.again = false
		f.mu.Unlock()
	}
}

// advance does steps until one has to wait, and says why it stops.
func (f *flow) advance(own bool) error {
	for begun := 0; len(f.laps) > 0 && !f.isOver(); {
		l := &f.laps[len(f.laps)-1]
		if !l.going {
			if err := f.begin(l); err != nil {
				return err
			}
			continue
		}
		if l.at == len(l.of.steps) {
			f.complete(l)
			continue
		}
		s := l.of.steps[l.at]
		if s.spec.Do == file.StepRepeat {
			l.at++
			f.laps = append(f.laps, lap{of: s, paced: s.spec.Every > 0, outer: f.round})
			continue
		}
		if f.stage == stageNew {
			if begun++; !own && (begun > stepsAtOnce || s.blocks()) {
				return errMoves
			}
		}
		err := f.step(s)
		if errors.Is(err, errWaits) {
			return err
		}
		if f.stage = stageNew; err == nil {
			l.at++
			continue
		}
		// The round that fails is given up, and the next one begins when it would have.
		if l.going = false; l.of.spec.Every == 0 { // a server that refuses everything is not to be asked without a pause
			l.next, l.paced = client.Now()+failedPause, true
		}
	}
	return errOver
}

// begin begins the next round of a lap, or ends the lap.
func (f *flow) begin(l *lap) error {
	times, every := l.of.spec.Times, l.of.spec.Every
	if times > 0 && l.rounds >= times {
		f.round, f.laps = l.outer, f.laps[:len(f.laps)-1]
		return nil
	}
	if l.paced {
		if !f.late(l.next) {
			l.waits = true
			return errWaits
		}
		l.next = l.after(client.Now(), every)
	}
	l.paced, l.waits, l.going, l.at, l.began = every > 0, false, true, 0, f.group.t.now()
	f.round = l.rounds
	l.rounds++
	return nil
}

// after is when the round behind the one that begins now may begin. Where the flow has waited, what
// it waited too long is the generator's own lateness, which would add up from round to round; where
// it comes late, or was kept for longer than a round, the interval counts from now.
func (l *lap) after(now, every time.Duration) time.Duration {
	if l.waits && now-l.next < every {
		return l.next + every
	}
	return max(l.next, now) + every
}

// complete ends a round whose steps are done.
func (f *flow) complete(l *lap) {
	l.going = false
	if t := f.group.t; len(f.laps) == 1 {
		t.record(t.rec.Shard(f.id), f.plan.whole[f.transport], l.began, t.now())
	}
}

// finish is called once, when the flow is over. Nobody gets the turn any more.
func (f *flow) finish() {
	f.group.t.alarms.Drop(&f.alarm)
	f.laps = nil
	f.mu.Lock()
	f.finished, f.inbox, f.reply = true, nil, event{}
	f.mu.Unlock()
	f.group.t.life.wg.Done()
}

// through does steps before a connection; the caller waits for them.
func (f *flow) through(list []*step) error {
	for _, s := range list {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if s.spec.Do == file.StepThink {
			machine.Pause(f.ctx, f.thinks(s))
			continue
		}
		f.stage = stageNew
		if err := f.step(s); err != nil {
			return err
		}
	}
	return f.ctx.Err()
}

// step does one, or goes on with it, and accounts for it when it is done.
func (f *flow) step(s *step) error {
	if s.spec.Do == file.StepThink {
		return f.think(s)
	}
	if f.stage == stageNew {
		f.stage = stageBegun
		f.done++
		f.began = f.group.t.now()
	}
	until, err := f.do(s)
	switch {
	case errors.Is(err, errWaits):
		return err
	case f.isOver():
		return cmp.Or(f.ctx.Err(), errOver)
	case f.aside != nil:
		f.aside.samples = append(f.aside.samples, sample{s.series[f.transport], time.Duration(until - f.began)})
		return f.redact(s, err)
	}
	t := f.group.t
	sh := t.rec.Shard(f.id)
	if err == nil {
		sh.Add(s.series[f.transport], t.tl.PhaseAt(f.began), time.Duration(until-f.began))
		s.took(t, f.began, until)
		return nil
	}
	since := f.belongs(s)
	class := metric.HowOther
	if se := (*stepError)(nil); errors.As(err, &se) {
		class = se.class
	}
	if class == metric.HowTimeout {
		sh.AddNever(s.series[f.transport], t.tl.PhaseAt(since), time.Duration(t.now()-f.began))
	}
	f.group.countError(metric.Error(f.plan.kind, class), since, f.redact(s, err))
	return err
}

// took notes how long the step took, where no fault was.
func (s *step) took(t *trial, began, until int64) {
	p := t.tl.PhaseAt(began)
	if _, met := t.faultWithin(began, until); met || p >= 0 && t.spec.Phases[p].Fault != nil {
		return
	}
	for d, most := max(1, until-began), s.longest.Load(); d > most && !s.longest.CompareAndSwap(most, d); {
		most = s.longest.Load()
	}
}

// belongs is the moment that a step which has failed belongs to: when it began. One that a fault
// found under way belongs to the fault, unless it had taken longer by then than such a step may be
// on its way (judge.InFlight): the server had failed before. Of a step that none has done yet,
// nothing says how long it takes.
func (f *flow) belongs(s *step) int64 {
	t, usual := f.group.t, s.longest.Load()
	if at, met := t.faultWithin(f.began, t.now()); met && (usual == 0 || at-f.began <= judge.InFlight(usual)) {
		return at
	}
	return f.began
}

// faultWithin is when the first fault began that did so after a moment, and not after another.
func (t *trial) faultWithin(from, to int64) (began int64, any bool) {
	for i := range t.spec.Phases {
		if at := t.tl.Spans[i].Start; t.spec.Phases[i].Fault != nil && at > from && at <= to {
			return at, true
		}
	}
	return 0, false
}

// redact is the error of a step for others to read.
func (f *flow) redact(s *step, err error) error {
	if err == nil {
		return nil
	}
	return redactedError{fmt.Errorf("%s %s: %w", s.spec.Do, s.spec.Name, err), f.filling(), s}
}

// thinks is how long a step does nothing.
func (f *flow) thinks(s *step) time.Duration {
	return time.Duration(s.spec.Think.At(f.draw()) * 1e9)
}

func (f *flow) think(s *step) error {
	if f.stage == stageNew {
		f.stage, f.until = stageBegun, client.Now()+f.thinks(s)
	}
	if !f.late(f.until) {
		return errWaits
	}
	f.until = 0
	return nil
}

// await says errWaits until ready is true, the time is over, or the connection is gone, which with
// lost must last meanwhile.
func (f *flow) await(within time.Duration, lost bool, ready func() bool) error {
	if f.until == 0 {
		f.until = client.Now() + within
	}
	f.mu.Lock()
	done, away := ready(), f.actor == nil
	f.mu.Unlock()
	var err error
	switch {
	case done:
	case lost && away:
		err = failed(metric.HowDropped, "the connection ended before the answer")
	case f.overdue(f.until):
		err = errLate
	default:
		return errWaits
	}
	f.until = 0
	return err
}

// late reports whether a moment has come; if not, the flow is played by then. To wait costs nothing
// as long as a moment that was waited for before is still to come: the alarm then rings early and
// is set anew.
func (f *flow) late(until time.Duration) bool {
	if f.rang.Load() {
		f.rang.Store(false)
		f.set = 0
	}
	if f.set > 0 && f.set <= until {
		return false // nor has the earlier one
	}
	if until <= client.Now() {
		return true
	}
	f.set = until
	f.group.t.alarms.Set(&f.alarm, until)
	return false
}

// overdue reports whether something has not come that was to come by a moment; if it may still come
// in time, the flow is played when that can be told.
func (f *flow) overdue(until time.Duration) bool {
	for look := until; f.late(look); {
		if look = f.group.t.lookAgain(until); look == 0 {
			return true
		}
	}
	return false
}

// Due implements deadline.Owner.
func (f *flow) Due(time.Duration) time.Duration {
	f.rang.Store(true)
	f.mu.Lock()
	f.play()
	return 0 // late has set the next moment
}
