package scenario

import (
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// The stages of an agent's part, in order. A message of an agent is a portion, or says that it has
// reached a stage.
const (
	partRuns    = iota
	partSealed  // its phases are over, and nothing is sent any more
	partDrained // nothing that counts is on its way to its clients
	partOver    // its ledger is closed and its clients are gone; the last message
)

// A report is one message of an agent to its controller: that it has reached a stage, with the last
// counts of the phases once it is sealed, or a portion.
type report struct {
	stage   int
	atEnd   headcount // from partSealed on
	end     int64     // likewise: when the phases ended, or were cut short
	portion *portion  // nil: none
}

// A headcount is how many clients there were to be and were, in all and by target, at a moment.
type headcount struct {
	asked, held int64
	nodes       []int64
}

// A portion is what an agent has measured in one second of the trial, and all of its counts as they
// stand at the end of it.
type portion struct {
	second int   // from 0
	until  int64 // the end of it, in nanoseconds since the trial's start
	last   bool  // the trial is over

	samples []sampleRun
	gauges  []int64 // see trial.gauges
	carried []int64 // bytes read and written, for each transport
	most    int64   // clients asked for at once by the plan, on all agents together
	outside int64   // samples outside of the recorder's range
	overdue int64   // deliveries missing past their late limit
	// how long the least patient server waits for a sign of a client, in nanoseconds; 0: not known
	patience int64
	now      headcount // in recorded phases, as of the last look within one

	errors []record.ErrorCount // those that have grown, as they stand
	texts  []record.ErrorSum   // the first of each class that is new
	rows   []streamRow         // of the ledger so far, what is new; in the last portion all, and of all messages

	returns   []judge.Return
	unstamped []namedCount
	use       partUse
}

// A sampleRun is the samples of one series and phase, by value.
type sampleRun struct {
	series, phase int
	never         bool
	cells         []sampleCell
}

type sampleCell struct{ v, n int64 }

type streamRow struct {
	stream int
	ledger.Row
}

type namedCount struct {
	name string
	n    int64
}

// A partUse is what the agent's process used in a second.
type partUse struct {
	cpu     float64 // share of the cores that it may use
	cpuTime int64   // nanoseconds
	rss     int64
	pause   int64 // the longest of the garbage collector, in nanoseconds
	meshed  int64 // bytes so far to the other agents
	// the longest time so far for which it did not run, in nanoseconds
	standstill int64

	goroutines, files int64 // at its end
}

// held is what the agent's process has.
func (u *partUse) held() usage {
	return usage{rss: u.rss, goroutines: u.goroutines, files: u.files}
}

func (r *report) code(c *coder) {
	c.place(&r.stage)
	r.atEnd.code(c)
	c.int(&r.end)
	has := r.portion != nil
	if c.bool(&has); !has {
		return
	}
	if c.reading {
		r.portion = &portion{}
	}
	r.portion.code(c)
}

// encode returns the bytes of a report.
func (r *report) encode() []byte {
	c := &coder{}
	r.code(c)
	return c.b
}

// readReport is the report of those bytes.
func readReport(b []byte) (*report, error) {
	c, r := &coder{b: b, reading: true}, &report{}
	r.code(c)
	if err := c.finish(); err != nil {
		return nil, err
	}
	return r, nil
}

func (h *headcount) code(c *coder) {
	c.int(&h.asked)
	c.int(&h.held)
	c.ints(&h.nodes)
}

func (p *portion) code(c *coder) {
	c.place(&p.second)
	c.int(&p.until)
	c.bool(&p.last)
	codeEach(c, &p.samples, func(s *sampleRun) { s.code(c) })
	c.ints(&p.gauges)
	c.ints(&p.carried)
	for _, v := range [...]*int64{&p.most, &p.outside, &p.overdue, &p.patience} {
		c.int(v)
	}
	p.now.code(c)
	codeEach(c, &p.errors, func(e *record.ErrorCount) {
		codeClass(c, &e.Class)
		for _, v := range [...]*int{&e.Stream, &e.Group, &e.Phase, &e.Second} {
			c.place(v)
		}
		c.int(&e.N)
	})
	codeEach(c, &p.texts, func(e *record.ErrorSum) {
		codeClass(c, &e.Class)
		c.text(&e.Text)
	})
	codeEach(c, &p.rows, func(r *streamRow) { r.code(c) })
	codeEach(c, &p.returns, func(r *judge.Return) {
		c.place(&r.Group)
		c.place(&r.Phase)
		c.int(&r.Back)
		c.int(&r.Never)
		c.int(&r.Recovered)
		c.int(&r.BrokeAt)
		c.int(&r.BackAt)
	})
	codeEach(c, &p.unstamped, func(n *namedCount) {
		c.text(&n.name)
		c.int(&n.n)
	})
	c.float(&p.use.cpu)
	for _, v := range [...]*int64{&p.use.cpuTime, &p.use.rss, &p.use.pause, &p.use.meshed, &p.use.goroutines, &p.use.files, &p.use.standstill} {
		c.int(v)
	}
}

// code writes values by their differences: they are in order.
func (s *sampleRun) code(c *coder) {
	c.place(&s.series)
	c.place(&s.phase)
	c.bool(&s.never)
	before := int64(0)
	codeEach(c, &s.cells, func(x *sampleCell) {
		d := x.v - before
		c.int(&d)
		x.v = before + d
		before = x.v
		c.int(&x.n)
	})
}

func (r *streamRow) code(c *coder) {
	for _, v := range [...]*int{&r.stream, &r.Phase, &r.Second, &r.Class, &r.From, &r.Decile} {
		c.place(v)
	}
	c.bool(&r.Replayed)
	c.bool(&r.Cut)
	codeLedger(c, &r.Ledger)
}

func codeLedger(c *coder, l *result.Ledger) {
	for _, v := range [...]*int64{
		&l.Due, &l.Held, &l.Dropped, &l.Sent, &l.Expected, &l.Received, &l.Lost, &l.Duplicate, &l.Disorder, &l.Late, &l.Undecided,
	} {
		c.int(v)
	}
}

func codeClass(c *coder, e *metric.ErrorClass) {
	text := ""
	if !c.reading {
		text = e.String()
	}
	if c.text(&text); c.reading {
		*e = metric.ParseErrorClass(text)
	}
}
