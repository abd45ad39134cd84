package plan

import "time"

// A Row is what a recorded log says of an operation.
type Row struct {
	Room int    // its number among the rooms of the log; -1: the log does not say
	Size int    // bytes of the payload; -1: the log does not say
	Body string // the payload itself; "": the log has none
}

// A Playback says when the rows of a recorded log are due. The log's time runs at its speed times
// the load of the phases: it stands still while the load is 0. One goroutine at a time.
type Playback struct {
	tl     *Timeline
	speed  float64
	scaled bool
	span   int // of the last row
}

// NewPlayback plays a log on a timeline. scaled says that the load of the phases scales the speed;
// else the log begins with the trial.
func NewPlayback(tl *Timeline, speed float64, scaled bool) *Playback {
	return &Playback{tl: tl, speed: speed, scaled: scaled}
}

// Due returns when a row is due that was recorded so long after the first one. Rows must come in
// order of time; ok is false beyond the last phase.
func (p *Playback) Due(recorded time.Duration) (due int64, phase int, ok bool) {
	if !p.scaled {
		due = int64(float64(recorded) / p.speed)
		phase = p.tl.PhaseAt(due)
		return due, phase, phase >= 0
	}
	due, p.span, ok = p.tl.when(recorded.Seconds()/p.speed, p.span)
	return due, p.span, ok
}
