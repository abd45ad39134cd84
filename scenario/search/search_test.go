package search

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// server is a model of a system under test, and of the generator that tries it.
type server struct {
	knee     float64 // the level at which half of the trials hold
	soft     float64 // how far around the knee, as a share of it, trials go either way
	flap     float64 // share of trials whose outcome is turned round whatever the level
	weak     float64 // the level from which the generator is not fit; 0: never
	flicker  float64 // share of trials that are invalid by chance
	rnd      *rand.Rand
	observed []Observation
}

func (s *server) trial(level float64, kind Kind) Observation {
	o := Observation{Level: level, Kind: kind, Verdict: Broke, Took: 20 * time.Second}
	if kind == Confirm {
		o.Took = time.Minute
	}
	holds := level < s.knee
	if s.soft > 0 {
		holds = s.rnd.Float64() < 1/(1+math.Exp((level-s.knee)/(s.knee*s.soft)))
	}
	if s.rnd.Float64() < s.flap {
		holds = !holds
	}
	if holds {
		o.Verdict = Held
	}
	if s.weak > 0 && level >= s.weak || s.rnd.Float64() < s.flicker {
		o.Verdict = Invalid
	}
	s.observed = append(s.observed, o)
	return o
}

const mostTrials = 400

// search runs to the answer.
func (s *server) search(t *testing.T, p Plan) Answer {
	t.Helper()
	var history []Observation
	for range mostTrials {
		step, err := Next(p, history)
		if err != nil {
			t.Fatal(err)
		}
		if step.Answer != nil {
			return *step.Answer
		}
		if step.Level < p.From || step.Level > p.To {
			t.Fatalf("the level %v lies outside %v to %v", step.Level, p.From, p.To)
		}
		if p.Whole && step.Level != math.Round(step.Level) {
			t.Fatalf("the level %v is no whole number", step.Level)
		}
		history = append(history, s.trial(step.Level, step.Kind))
	}
	t.Fatalf("no answer after %d trials, knee %v: %+v", mostTrials, s.knee, history[len(history)-5:])
	return Answer{}
}

var plan = Plan{From: 1000, To: 200_000, Whole: true, Trial: 20 * time.Second, ConfirmBy: time.Minute}

// TestKneeInsideTheInterval runs many searches for each kind of server. Where trials never err the
// knee is always inside; otherwise it is, or the search says that it is too noisy, in 95 of 100, as
// the documentation states. A softness of 0.005 leaves one trial in four hundred open at three
// hundredths from the knee.
func TestKneeInsideTheInterval(t *testing.T) {
	const searches = 200
	for _, tt := range []struct {
		name         string
		soft, flap   float64
		confirm      int
		least        int     // of a hundred
		noisy        int     // at most, likewise
		trials, wide float64 // the most trials, and the widest interval in per cent, of the mean search
	}{
		{"sharp", 0, 0, 3, 100, 0, 16, 5},
		{"flapping 2 %", 0, 0.02, 3, 99, 0, 18, 5},
		{"flapping 5 %", 0, 0.05, 3, 99, 0, 21, 5},
		{"flapping 10 %", 0, 0.1, 3, 98, 1, 26, 6},
		{"flapping 10 %, five votes", 0, 0.1, 5, 98, 1, 30, 6},
		{"flapping 20 %", 0, 0.2, 3, 95, 5, 44, 10},
		{"flapping 30 %", 0, 0.3, 3, 90, 50, 75, 10},
		{"soft within 3 %", 0.005, 0, 3, 95, 0, 21, 7},
		{"soft, wider than the precision", 0.02, 0, 3, 95, 1, 31, 10},
		{"soft and flapping", 0.005, 0.02, 3, 95, 0, 23, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(11, 12))
			inside, noisy, trials, wide := 0, 0, 0.0, 0.0
			for range searches {
				s := &server{knee: 1500 * math.Exp(rnd.Float64()*math.Log(100)), soft: tt.soft, flap: tt.flap, rnd: rnd}
				p := plan
				p.Confirm = tt.confirm
				a := s.search(t, p)
				trials += float64(a.Trials) / searches
				switch a.End {
				case Noisy:
					noisy++
				case Found:
					wide += (a.High/a.Low - 1) * 100 / searches
					if !a.LowConfirmed || !a.HighConfirmed || a.High-a.Low > math.Max(1, a.Low*0.05*1.0001) && a.Split == 0 {
						t.Fatalf("found %+v", a)
					}
					if a.Low <= s.knee && s.knee <= a.High {
						inside++
					}
				}
			}
			t.Logf("the knee is inside %d of %d intervals, %d are too noisy, %.1f trials each, %.1f %% wide", inside, searches, noisy, trials, wide)
			if (inside+noisy)*100 < tt.least*searches || noisy*100 > tt.noisy*searches {
				t.Errorf("the knee is inside %d of %d intervals and %d are too noisy, want %d and at most %d of a hundred", inside, searches, noisy, tt.least, tt.noisy)
			}
			if trials > tt.trials || wide > tt.wide {
				t.Errorf("a search takes %.1f trials for an interval of %.1f %%; at most %v and %v %% are due", trials, wide, tt.trials, tt.wide)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    server
		want Answer
	}{
		{"all hold", server{knee: 1e9}, Answer{End: AtLeast, Low: 200_000, LowConfirmed: true, Trials: 12}},
		{"none holds", server{knee: 10}, Answer{End: Below, High: 1000, HighConfirmed: true, Trials: 4}},
		{"weak generator", server{knee: 1e9, weak: 7000}, Answer{End: Generator, Low: 4000, High: 8000, Trials: 5, Invalid: 2}},
		{"generator weak from the start", server{knee: 1e9, weak: 1}, Answer{End: Generator, High: 1000, Trials: 2, Invalid: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.s.rnd = rand.New(rand.NewPCG(1, 1))
			got := tt.s.search(t, plan)
			got.Took, got.Noise = 0, 0
			if got != tt.want {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// The highest level is tried as it is, however many digits it has.
func TestHighestLevelOfManyDigits(t *testing.T) {
	s := server{knee: 1e9, rnd: rand.New(rand.NewPCG(1, 1))}
	if a := s.search(t, Plan{From: 100, To: 1433.2}); a.End != AtLeast || a.Low != 1433.2 || a.Trials > 12 {
		t.Errorf("%+v", a)
	}
}

// TestWeakGeneratorIsNeverACapacity: whatever else happens, a level that the generator could not
// judge is neither end of a found interval.
func TestWeakGeneratorIsNeverACapacity(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	ends := map[End]int{}
	for range 400 {
		weak := 1500 * math.Exp(rnd.Float64()*math.Log(100))
		s := &server{knee: 1500 * math.Exp(rnd.Float64()*math.Log(100)), weak: weak, flap: 0.02, rnd: rnd}
		a := s.search(t, plan)
		ends[a.End]++
		if a.Low >= weak || a.End == Found && a.High >= weak {
			t.Fatalf("the generator is weak from %v, knee %v: %+v", weak, s.knee, a)
		}
		if a.End == Generator && a.High < weak {
			t.Fatalf("the generator is blamed at %v and weak from %v", a.High, weak)
		}
	}
	if ends[Generator] < 120 || ends[Found] < 80 {
		t.Errorf("ends %v: the servers did not try both", ends)
	}
}

// TestSingleInvalidTrialsAreRepeated: chance invalid trials cost a repeat each, and change no
// answer.
func TestSingleInvalidTrialsAreRepeated(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	found, repeated := 0, 0
	for range 400 {
		s := &server{knee: 1500 * math.Exp(rnd.Float64()*math.Log(100)), flicker: 0.05, rnd: rnd}
		a := s.search(t, plan)
		for i, o := range s.observed[:len(s.observed)-1] {
			if o.Verdict == Invalid {
				repeated++
				if next := s.observed[i+1]; next.Level != o.Level || next.Kind != o.Kind {
					t.Fatalf("after an invalid trial at %v the search goes on with %v", o.Level, next.Level)
				}
			}
		}
		if a.End == Found {
			found++
			if s.knee < a.Low || s.knee > a.High {
				t.Fatalf("knee %v, answer %+v", s.knee, a)
			}
		}
	}
	if found < 360 || repeated < 120 {
		t.Errorf("%d searches found, %d trials repeated", found, repeated)
	}
}

// TestAnyServerComesToAnEnd: not even a coin keeps the search going.
func TestAnyServerComesToAnEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(41, 42))
	for i := range 200 {
		p := Plan{
			From: 1 + 1000*rnd.Float64(), Grow: 1.1 + 3*rnd.Float64(), Precision: 0.01 + 0.2*rnd.Float64(),
			Confirm: 1 + 2*rnd.IntN(3), Whole: i%2 == 0,
		}
		p.To = p.From * (1 + 300*rnd.Float64())
		if p.Whole {
			p.From, p.To = math.Round(p.From), math.Ceil(p.To)
		}
		(&server{knee: p.From * 2, flap: 0.5, flicker: 0.1, rnd: rnd}).search(t, p)
	}
}

// TestBudget: within any budget that has room for a bracket the level that holds is confirmed; with
// more time the interval is closer and the level that breaks is confirmed too.
func TestBudget(t *testing.T) {
	rnd := rand.New(rand.NewPCG(51, 52))
	for range 200 {
		p := plan
		p.Budget = time.Duration(1+rnd.IntN(15)) * time.Minute
		s := &server{knee: 1500 * math.Exp(rnd.Float64()*math.Log(100)), rnd: rnd}
		a := s.search(t, p)
		if a.Took > p.Budget {
			t.Errorf("it took %v of %v", a.Took, p.Budget)
		}
		if a.End != Found && a.End != OutOfTime || a.Low > s.knee || a.High > 0 && s.knee > a.High {
			t.Errorf("within %v, knee %v: %+v", p.Budget, s.knee, a)
		}
		if p.Budget >= 4*time.Minute && !a.LowConfirmed {
			t.Errorf("within %v, knee %v, nothing is confirmed to hold: %+v", p.Budget, s.knee, a)
		}
		if p.Budget >= 12*time.Minute && a.End != Found {
			t.Errorf("within %v, knee %v: %+v", p.Budget, s.knee, a)
		}
	}
	p := plan
	p.Budget = time.Second
	if step, err := Next(p, nil); err != nil || step.Answer == nil || step.Answer.End != OutOfTime || step.Answer.Trials != 0 {
		t.Errorf("a budget for no trial: %+v, %v", step, err)
	}
}

// TestBisectsBeforeItConfirms: ten minutes for trials of 55 s. The time goes into the gap and the
// level that holds, not into a level far above it.
func TestBisectsBeforeItConfirms(t *testing.T) {
	p := Plan{From: 200, To: 5000, Whole: true, Trial: 55 * time.Second, Budget: 10 * time.Minute}
	var history []Observation
	for {
		step, err := Next(p, history)
		if err != nil {
			t.Fatal(err)
		}
		if a := step.Answer; a != nil {
			if a.End != OutOfTime || !a.LowConfirmed || a.Low < 4000 || a.High > 4500 || a.HighConfirmed {
				t.Errorf("%+v", a)
			}
			break
		}
		o := Observation{Level: step.Level, Kind: step.Kind, Verdict: Held, Took: 55 * time.Second}
		if step.Level > 4300 {
			o.Verdict = Broke
		}
		if o.Kind == Confirm && o.Verdict == Broke {
			t.Errorf("trial %d confirms that %v breaks", len(history)+1, o.Level)
		}
		history = append(history, o)
	}
}

// TestEarlyAnswerIsConfirmed: a level that held once above a confirmed one is not the answer when
// the time is up.
func TestEarlyAnswerIsConfirmed(t *testing.T) {
	p := plan
	p.Budget = 5 * time.Minute
	var history []Observation
	for _, o := range []Observation{
		{Level: 1000, Kind: Probe, Verdict: Held},
		{Level: 1000, Kind: Confirm, Verdict: Held},
		{Level: 1000, Kind: Confirm, Verdict: Held},
		{Level: 1000, Kind: Confirm, Verdict: Held},
		{Level: 2000, Kind: Probe, Verdict: Held},
	} {
		o.Took = time.Minute
		history = append(history, o)
	}
	step, err := Next(p, history)
	if err != nil || step.Answer == nil || step.Answer.End != OutOfTime || step.Answer.Low != 1000 || !step.Answer.LowConfirmed || step.Answer.High != 0 {
		t.Errorf("%+v, %v", step.Answer, err)
	}
}

// TestDisagreeingTrialsAskForMore: three votes of which one went the other way do not confirm.
func TestDisagreeingTrialsAskForMore(t *testing.T) {
	history := []Observation{{Level: 1000, Kind: Probe, Verdict: Held}, {Level: 1040, Kind: Probe, Verdict: Broke}}
	for _, v := range []Verdict{Held, Broke, Held} {
		history = append(history, Observation{Level: 1000, Kind: Confirm, Verdict: v})
	}
	for range 3 {
		history = append(history, Observation{Level: 1040, Kind: Confirm, Verdict: Broke})
	}
	a, err := SoFar(plan, history)
	if err != nil || a.LowConfirmed || a.Low != 1000 || a.Noise < 0.02 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestSteps: the curve gets the levels that it lacks, each once, within the budget, and they change
// no answer.
func TestSteps(t *testing.T) {
	s := &server{knee: 43_210, rnd: rand.New(rand.NewPCG(71, 72))}
	answer := s.search(t, plan)
	shares := []float64{0.1, 0.5, 1, 1.3}
	history := s.observed
	var got []float64
	for {
		level, ok := CurveLevel(plan, shares, answer, history)
		if !ok {
			break
		}
		got = append(got, level/answer.Low)
		history = append(history, Observation{Level: level, Kind: Curve, Verdict: Invalid, Took: time.Minute})
		if len(got) > 10 {
			t.Fatalf("no end: %v", got)
		}
	}
	for i, want := range []float64{0.1, 0.5, 1.3} { // 100 % has been confirmed
		if len(got) != 3 || math.Abs(got[i]-want) > 0.01 {
			t.Fatalf("levels at %v of the capacity, want 0.1 0.5 1.3", got)
		}
	}
	if step, err := Next(plan, history); err != nil || step.Answer == nil || *step.Answer != answer {
		t.Errorf("after the curve the answer is %+v (%v), was %+v", step.Answer, err, answer)
	}
	short := plan
	short.Budget = answer.Took + 10*time.Second
	if _, ok := CurveLevel(short, shares, answer, s.observed); ok {
		t.Error("a step beyond the budget")
	}
	if level, ok := CurveLevel(plan, []float64{1.3}, Answer{End: Found, Low: 190_000, High: 195_000}, nil); ok {
		t.Errorf("a step to %v, above the highest level allowed", level)
	}
	least := Answer{End: AtLeast, Low: 100}
	if level, ok := CurveLevel(plan, []float64{1.3}, least, nil); ok {
		t.Errorf("a step to %v, above the highest level allowed", level)
	}
	if level, ok := CurveLevel(plan, shares, Answer{End: Below, High: 5}, nil); ok {
		t.Errorf("a step to %v without a capacity", level)
	}
}

// TestResume interrupts a search after each of its trials: from the journal it goes on as if
// nothing had happened.
func TestResume(t *testing.T) {
	s := &server{knee: 43_210, flap: 0.1, flicker: 0.05, rnd: rand.New(rand.NewPCG(61, 62))}
	want := s.search(t, plan)
	document := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	journal := [][]byte{document(Head{plan})}
	for i := range len(s.observed) + 1 {
		history, err := Recall(journal, plan)
		if err != nil || len(history) != i || i > 0 && !reflect.DeepEqual(history, s.observed[:i]) {
			t.Fatalf("after %d trials: %d observations, %v", i, len(history), err)
		}
		step, err := Next(plan, history)
		if err != nil {
			t.Fatal(err)
		}
		if i == len(s.observed) {
			if step.Answer == nil || *step.Answer != want {
				t.Errorf("the answer from the journal is %+v, was %+v", step.Answer, want)
			}
			break
		}
		if step.Answer != nil || step.Level != s.observed[i].Level || step.Kind != s.observed[i].Kind {
			t.Fatalf("after %d trials the journal leads to %+v, the search went to %+v", i, step, s.observed[i])
		}
		journal = append(journal, document(s.observed[i]))
	}
}

func TestJournalErrors(t *testing.T) {
	head, err := json.Marshal(Head{plan})
	if err != nil {
		t.Fatal(err)
	}
	other := plan
	other.To++
	if _, err := Recall([][]byte{head}, other); !errors.Is(err, ErrOtherPlan) {
		t.Errorf("another plan: %v", err)
	}
	if h, err := Recall(nil, plan); err != nil || len(h) != 0 {
		t.Errorf("an empty journal: %v %v", h, err)
	}
	for text, want := range map[string]string{
		"{}": "line 1", `{"run":{}}`: "line 1: it is not the journal of a search", string(head) + "\n" + `{"level":"x"}`: "line 2", string(head) + "\n" + `{"height":1}`: "line 2",
	} {
		if _, err := Recall(bytes.Split([]byte(text), []byte("\n")), plan); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestBadPlans(t *testing.T) {
	for want, change := range map[string]func(*Plan){
		"first level":   func(p *Plan) { p.From = 0 },
		"whole numbers": func(p *Plan) { p.From = 0.5 },
		"highest level": func(p *Plan) { p.To = 10 },
		"grow":          func(p *Plan) { p.Grow = 1 },
		"precision":     func(p *Plan) { p.Precision = math.NaN() },
		"odd number":    func(p *Plan) { p.Confirm = 2 },
		"negative":      func(p *Plan) { p.Budget = -1 },
	} {
		p := plan
		change(&p)
		if _, err := Next(p, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
	for _, o := range []Observation{{Level: -1, Kind: Probe, Verdict: Held}, {Level: 1, Kind: "x", Verdict: Held}, {Level: 1, Kind: Probe, Verdict: "x"}, {Level: math.NaN(), Kind: Probe, Verdict: Held}} {
		if _, err := Next(plan, []Observation{o}); err == nil {
			t.Errorf("the history %+v is taken", o)
		}
	}
}

// ExampleNext finds how many clients a server holds, were it to hold 5 300.
func ExampleNext() {
	plan := Plan{From: 1000, To: 100_000, Whole: true}
	var history []Observation
	for {
		step, err := Next(plan, history)
		if err != nil {
			fmt.Println(err)
			return
		}
		if step.Answer != nil {
			fmt.Printf("%s: from %.0f to %.0f after %d trials\n", step.Answer.End, step.Answer.Low, step.Answer.High, step.Answer.Trials)
			return
		}
		o := Observation{Level: step.Level, Kind: step.Kind, Verdict: Broke}
		if step.Level <= 5300 {
			o.Verdict = Held
		}
		history = append(history, o)
	}
	// Output: found: from 5188 to 5417 after 13 trials
}

// A trial whose repeat would be no better ends the search at once; what held before stands.
func TestFinalTrialsAreNotRepeated(t *testing.T) {
	step, err := Next(plan, []Observation{{Level: 1000, Kind: Probe, Verdict: Held}, {Level: 2000, Kind: Probe, Verdict: Invalid, Final: true}})
	if err != nil || step.Answer == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	if a := step.Answer; a.End != Generator || a.Low != 1000 || a.LowConfirmed || a.High != 2000 || a.Trials != 2 || a.Invalid != 1 {
		t.Errorf("%+v", a)
	}
}
