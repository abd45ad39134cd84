// Package screen shows a run on a terminal: a view that is redrawn in place, fits any size, and
// says everything without colour too.
package screen

import (
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/throng-io/throng/cmd/throng/internal/board"
)

// redrawn is the time between two looks at the board.
const redrawn = 250 * time.Millisecond

// Options say where to show a run.
type Options struct {
	Out io.Writer // the terminal
	// where keys come from; nil: none are read, and the terminal keeps its own meaning of Ctrl-C
	In     io.Reader
	Env    []string // of the process: what the terminal can do, NO_COLOR
	ASCII  bool     // no block characters, and no µ
	Width  int      // of the terminal; 0 for this and Height: as it tells itself
	Height int
	Stop   func() // called when the user wants the run to end, once for each key press
}

// Screen is a running view. Its goroutine polls the board, so the code that updates the
// board never waits for the terminal.
type Screen struct {
	program *tea.Program
	ended   chan struct{}
}

// Start shows the board until Close.
func Start(b *board.Board, o Options) *Screen {
	options := []tea.ProgramOption{tea.WithOutput(o.Out), tea.WithInput(o.In), tea.WithoutSignalHandler(), tea.WithFPS(20)}
	if o.Env != nil {
		options = append(options, tea.WithEnvironment(o.Env))
	}
	if o.Width > 0 {
		options = append(options, tea.WithWindowSize(o.Width, o.Height))
	}
	m := model{board: b, size: Size{Width: 80, Height: 24, ASCII: o.ASCII, NoKeys: o.In == nil}, stop: o.Stop}
	s := &Screen{program: tea.NewProgram(m, options...), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		_, _ = s.program.Run() // a terminal that cannot be drawn on must not end a run
	}()
	return s
}

// Close gives the terminal back as it was.
func (s *Screen) Close() {
	s.program.Quit()
	<-s.ended
}

// model is what bubbletea keeps for the view.
type model struct {
	board *board.Board
	size  Size
	stop  func()
}

type tick struct{}

func again() tea.Cmd { return tea.Tick(redrawn, func(time.Time) tea.Msg { return tick{} }) }

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return again() }

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		return m, again()
	case tea.WindowSizeMsg:
		m.size.Width, m.size.Height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "Q", "ctrl+c":
			m.board.Stopping()
			if m.stop != nil {
				m.stop()
			}
		}
	}
	return m, nil
}

// View implements tea.Model.
func (m model) View() tea.View {
	s, points := m.board.Read(m.size.Width)
	v := tea.NewView(Render(&s, points, m.size))
	v.AltScreen = true
	v.WindowTitle = "throng: " + s.Name
	return v
}
