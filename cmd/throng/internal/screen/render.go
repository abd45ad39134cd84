package screen

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario/result"
)

// Size is the terminal's size in cells, and what it can show.
type Size struct {
	Width, Height int
	ASCII         bool // no block characters, and no µ
	NoKeys        bool // keys are not read
}

// Colours are the report's: distinct for the colour-blind, and every state has a word
// or sign of its own as well.
var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	blue  = lipgloss.NewStyle().Foreground(lipgloss.Color("#56B4E9"))
	green = lipgloss.NewStyle().Foreground(lipgloss.Color("#2FB58A"))
	alarm = lipgloss.NewStyle().Foreground(lipgloss.Color("#E69F00")).Bold(true)
)

// wide is where the view stops growing.
const wide = 120

// Render draws the view. It never has more lines or wider ones than the terminal; what matters
// least goes first when room is short: empty lines, then details, then all but the state of the
// moment.
func Render(s *board.State, points []board.Point, size Size) string {
	size.Width, size.Height = max(20, min(size.Width, wide)), max(1, size.Height)
	v := view{s: s, points: points, Size: size, label: 12}
	if size.Width < 60 {
		v.label = 10
	}
	rows := v.fit(v.blocks())
	for i, r := range rows {
		if size.ASCII {
			r = strings.ReplaceAll(r, "µ", "u")
		}
		rows[i] = strings.TrimRight(ansi.Truncate(r, size.Width, v.dots()), " ")
	}
	return strings.Join(rows, "\n")
}

type view struct {
	s      *board.State
	points []board.Point
	Size
	label int // width of the labels
}

// A block is some lines that belong together.
type block struct {
	lines []string
	keep  int  // lines that stay when room is short
	rank  int  // the lowest goes first when it is shorter still
	gap   bool // an empty line before it, if there is room
}

func (v *view) blocks() []block {
	charts := []string{v.rate(), v.latency("p50", func(p board.Point) int64 { return p.P50us }, board.Amount(v.s.P50us, v.s.P50Beyond)), v.latency("p99", func(p board.Point) int64 { return p.P99us }, board.Amount(v.s.P99us, v.s.P99Beyond))}
	ledger, doubt := append([]string{v.ledger()}, v.unsent()...), v.doubt()
	all := []block{
		{lines: []string{v.head()}, keep: 1, rank: 10},
		{lines: []string{v.phase(), v.next()}, keep: 1, rank: 9, gap: true},
		{lines: charts, keep: 3, rank: 7, gap: true},
		{lines: []string{v.clients()}, keep: 1, rank: 8},
		{lines: ledger, keep: len(ledger), rank: 3},
		{lines: doubt, keep: min(3, len(doubt)), rank: 6, gap: true},
		{lines: v.checks(), keep: v.urgent(result.KindSLO), rank: 6, gap: true},
		{lines: v.generator(), keep: v.urgent(result.KindValid) + 1, rank: 5, gap: true},
		{lines: v.errors(), keep: min(3, len(v.s.Classes)), rank: 4, gap: true},
		{lines: v.trials(), rank: 1, gap: true},
		{lines: []string{v.foot()}, keep: 1, rank: 2, gap: true},
	}
	if v.s.Stopping {
		all[len(all)-1].rank = 9
	}
	return slices.DeleteFunc(all, func(b block) bool { return len(b.lines) == 0 })
}

// fit makes rows of the blocks, not more than the terminal has.
func (v *view) fit(blocks []block) []string {
	height := func() (n int) {
		for _, b := range blocks {
			n += len(b.lines)
		}
		return n
	}
	for over := height() - v.Height; over > 0; over = height() - v.Height {
		if !v.shorten(blocks) {
			least := 0
			for i := range blocks {
				if blocks[i].rank < blocks[least].rank {
					least = i
				}
			}
			if len(blocks) == 1 {
				break
			}
			blocks = slices.Delete(blocks, least, least+1)
		}
	}
	spare := v.Height - height()
	var rows []string
	for i, b := range blocks {
		if b.gap && spare > 0 && i > 0 {
			rows, spare = append(rows, ""), spare-1
		}
		rows = append(rows, b.lines...)
	}
	return rows
}

// shorten takes a line from the longest list that has one to spare, and reports whether there was
// one.
func (v *view) shorten(blocks []block) bool {
	longest := -1
	for i, b := range blocks {
		if len(b.lines) > max(1, b.keep) && (longest < 0 || len(b.lines)-b.keep > len(blocks[longest].lines)-blocks[longest].keep) {
			longest = i
		}
	}
	if longest < 0 {
		return false
	}
	b := &blocks[longest]
	b.lines = b.lines[:len(b.lines)-1]
	return true
}

func (v *view) row(label, text string) string {
	return faint.Render(fmt.Sprintf(" %-*s ", v.label, label)) + text
}

// head names the run and, of a matrix, the trial.
func (v *view) head() string {
	s := v.s
	left := " " + bold.Render(s.Name)
	if s.Cells > 1 {
		left += faint.Render(fmt.Sprintf("  trial %d of %d  ", s.Cell, s.Cells)) + board.Label(s.Params, s.Trial)
	}
	right := fmt.Sprintf("%s of %s ", board.Clock(s.Elapsed), board.Clock(s.Total))
	if s.Cells > 1 {
		right = fmt.Sprintf("%s left in all ", board.Clock(s.Left))
	}
	if s.Cell == 0 || v.Width < 50 {
		right = ""
	}
	return v.apart(left, faint.Render(right))
}

// apart puts one text at each end of the line; the left one gives way.
func (v *view) apart(left, right string) string {
	room := v.Width - lipgloss.Width(right) - 1
	left = ansi.Truncate(left, max(0, room), v.dots())
	return left + strings.Repeat(" ", max(1, v.Width-lipgloss.Width(left)-lipgloss.Width(right))) + right
}

func (v *view) dots() string {
	if v.ASCII {
		return "..."
	}
	return "…"
}
