package export

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/scenario/result"
)

// The elements of JUnit's XML that CI services read, with the attributes that the strictest of them
// takes: the schema of Jenkins (junit-10.xsd of its xUnit plugin).
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out,omitempty"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitOutcome `xml:"failure"`
		Error   *junitOutcome `xml:"error"`
		Skipped *junitOutcome `xml:"skipped"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes each cell as a suite and each check as a test case. A broken service-level
// check is a failure, a broken `valid:` rule an error; of an invalid cell the service-level checks
// are skipped, for their numbers say nothing. The case "verdict" stands for the cell as a whole, so
// that one without checks, or that ended early, is seen too; a run that is invalid though none of
// its cells is, as it was interrupted between them or before the first, has a suite of its own.
func writeJUnit(b *bytes.Buffer, run *result.Run) error {
	search := run.Capacity != nil
	if search {
		run = searchAsCell(run)
	}
	all := junitSuites{Name: run.Scenario}
	axes := selection.Varying(run)
	worst := result.Pass
	for i := range run.Cells {
		c := &run.Cells[i]
		if !c.Repeated {
			worst = result.Worst(worst, c.Verdict)
		}
		began := c.Started
		if began.IsZero() { // a search, or a result of a version that did not keep it
			began = run.Started
		}
		s := junitSuite{Name: run.Scenario, Time: strconv.FormatFloat(c.Seconds, 'f', 3, 64), Timestamp: stamp(began), Out: plain(sentences.CellSentence(c))}
		if search {
			s.Out = plain(c.Reason)
		}
		if len(run.Cells) > 1 {
			again := ""
			if c.Repeated {
				again = ", repeated"
			}
			s.Name += fmt.Sprintf(" [%s, trial %d%s]", cmp.Or(selection.Label(c, axes), "all"), max(1, c.Trial), again)
		}
		for _, k := range selection.AllParams(run) {
			s.Properties = append(s.Properties, junitProperty{k, c.Params[k]})
		}
		s.Cases = append(s.Cases, verdictCase(c))
		s.Cases[0].Time = s.Time // once: readers add the times of the cases up
		for j := range c.Checks {
			s.Cases = append(s.Cases, checkCase(c, &c.Checks[j]))
		}
		all.add(s)
	}
	if result.Worst(run.Verdict, run.Verdict) == result.Invalid && worst != result.Invalid {
		why := reports.Sentence(run)
		all.add(junitSuite{
			Name: run.Scenario + " [whole run]", Time: noTime, Timestamp: stamp(run.Started), Out: why,
			Cases: []junitCase{{Name: "verdict", Error: &junitOutcome{Message: why}}},
		})
	}
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(b)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	b.WriteByte('\n')
	return nil
}

// noTime is the time of a case that took none of its own.
const noTime = "0.000"

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// add counts the cases of a suite and adds it.
func (all *junitSuites) add(s junitSuite) {
	for j := range s.Cases {
		k := &s.Cases[j]
		k.Class, k.Time = s.Name, cmp.Or(k.Time, noTime)
		s.Tests++
		s.Failures += present(k.Failure)
		s.Errors += present(k.Error)
		s.Skipped += present(k.Skipped)
	}
	all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	all.Suites = append(all.Suites, s)
}

// searchAsCell is a search as one case: that levels break is what it looks for, and no failure.
func searchAsCell(run *result.Run) *result.Run {
	one := *run
	one.Capacity = nil
	one.Cells = []result.Cell{{Verdict: run.Verdict, Reason: capacity.Of(run).Answer(), Seconds: run.Capacity.TookS}}
	return &one
}

func present(o *junitOutcome) int {
	if o == nil {
		return 0
	}
	return 1
}

func plain(s string) string { return strings.ReplaceAll(s, layout.Nbsp, " ") }

func verdictCase(c *result.Cell) junitCase {
	k := junitCase{Name: "verdict"}
	why := &junitOutcome{Message: plain(sentences.CellSentence(c))}
	if c.Repeated {
		k.Skipped = &junitOutcome{Message: "the trial was invalid and was repeated: " + why.Message}
		return k
	}
	switch result.Worst(c.Verdict, c.Verdict) {
	case result.Fail:
		k.Failure = why
	case result.Invalid:
		k.Error = why
	}
	return k
}

func checkCase(c *result.Cell, k *result.Check) junitCase {
	j := junitCase{Name: k.Text}
	why := &junitOutcome{Message: plain(sentences.Found(k))}
	valid := k.Kind == result.KindValid
	switch {
	case c.Repeated:
		j.Skipped = &junitOutcome{Message: "the trial was repeated"}
	case k.Optional:
		if !k.Pass {
			j.Skipped = &junitOutcome{Message: "optional, and broken: " + why.Message}
		}
	case k.Undecided:
		j.Error = why
	case !valid && result.Worst(c.Verdict, c.Verdict) == result.Invalid:
		j.Skipped = &junitOutcome{Message: "the trial is invalid: its numbers say nothing about the server"}
	case !k.Pass && valid:
		j.Error = why
	case !k.Pass:
		j.Failure = why
	}
	return j
}
