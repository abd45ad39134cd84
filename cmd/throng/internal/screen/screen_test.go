package screen

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario"
)

func TestModel(t *testing.T) {
	b := board.New("a-run", "")
	stopped := 0
	var m tea.Model = model{board: b, stop: func() { stopped++ }}
	m, _ = m.Update(tea.WindowSizeMsg{Width: 43, Height: 5})
	if got := m.(model).size; got.Width != 43 || got.Height != 5 {
		t.Errorf("size %+v after a resize", got)
	}
	for _, key := range []tea.KeyPressMsg{{Code: 'x', Text: "x"}, {Code: tea.KeyEscape}} {
		m, _ = m.Update(key)
	}
	if stopped != 0 || b.State().Stopping {
		t.Error("another key has stopped the run")
	}
	m, _ = m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"})
	m, _ = m.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	if stopped != 2 || !b.State().Stopping {
		t.Errorf("stop was called %d times by q and Ctrl-C", stopped)
	}
	if view := ansi.Strip(m.View().Content); !strings.Contains(view, "a-run") || !strings.Contains(view, "stopping") {
		t.Errorf("the view:\n%s", view)
	}
	if _, cmd := m.Update(tick{}); cmd == nil {
		t.Error("after a tick no other is asked for")
	}
}

// lines is a terminal that signals when a text has been drawn.
type lines struct {
	mu   sync.Mutex
	all  bytes.Buffer
	want string
	seen chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(p)
	if l.want != "" && strings.Contains(ansi.Strip(l.all.String()), l.want) {
		l.want = ""
		close(l.seen)
	}
	return len(p), nil
}

// What reaches the board reaches the terminal, and a key pressed there reaches the run.
func TestScreenRuns(t *testing.T) {
	b := board.New("a-run", "")
	out := &lines{want: "broadcasting", seen: make(chan struct{})}
	keys, press := io.Pipe()
	stop := make(chan struct{}, 8)
	s := Start(b, Options{Out: out, In: keys, Width: 80, Height: 24, Env: []string{"TERM=xterm-256color", "NO_COLOR=1"}, Stop: func() { stop <- struct{}{} }})
	b.Update(scenario.Progress{Cell: 1, Cells: 2, Trial: 1, Params: map[string]string{"what": "broadcasting"}, Phase: "hold", Phases: 1, Total: time.Minute})
	for name, signal := range map[string]<-chan struct{}{"drawn": out.seen} {
		select {
		case <-signal:
		case <-time.After(30 * time.Second):
			t.Fatalf("never %s: %q", name, out.all.String())
		}
	}
	if _, err := press.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stop:
	case <-time.After(30 * time.Second):
		t.Fatal("the key did not reach the run")
	}
	_ = press.Close()
	s.Close()
	out.mu.Lock()
	defer out.mu.Unlock()
	if text := out.all.String(); strings.Contains(text, "\x1b[38;") || !strings.Contains(text, "\x1b[?1049l") {
		t.Errorf("NO_COLOR was given, and the screen must be left: %q", text)
	}
}
