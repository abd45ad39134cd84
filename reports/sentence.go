package reports

import (
	"strings"

	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/scenario/result"
)

// Sentence says what came out, in one to four short sentences: what was measured at which load,
// whether the checks held, and whether the run counts, or what to do if not. It is the first thing
// on the page and on the terminal.
func Sentence(run *result.Run) string { return strings.ReplaceAll(sentence(run), layout.Nbsp, " ") }

func sentence(run *result.Run) string {
	if len(run.Cells) == 0 {
		return "Nothing was measured: the run ended before its first trial."
	}
	var s string
	switch {
	case run.Capacity != nil:
		s = capacity.Of(run).Answer()
	case len(run.Cells) == 1:
		s = layout.Joined(sentences.CellSentence(&run.Cells[0]), sentences.Remedy(run))
	default:
		s = layout.Joined(sentences.MatrixSentence(run), sentences.Remedy(run))
	}
	if run.Interrupted && (len(run.Cells) != 1 || !run.Cells[0].Interrupted) {
		s = "The run was interrupted; the results cover the time before that. " + s
	}
	return s
}
