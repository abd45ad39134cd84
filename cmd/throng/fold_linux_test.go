package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What a narrow terminal shows is as wide as it: help, topics, lists. Only lines that are to be
// copied stay whole.
func TestNarrowTerminal(t *testing.T) {
	const columns = 60
	for _, args := range [][]string{{"help"}, {"help", "exit-codes"}, {"help", "metrics"}, {"run", "--help"}, {"list"}, {"check", "quickstart"}} {
		screen, tty := terminal(t, columns)
		var shown bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(&shown, screen) // ends with an error when the terminal has no user any more
		}()
		var errs strings.Builder
		code := run(t.Context(), args, strings.NewReader(""), tty, &errs)
		_ = tty.Close()
		<-read
		if code != exitPass || shown.Len() == 0 {
			t.Errorf("throng %s: exit code %d, %s", args, code, errs.String())
		}
		lines := strings.Split(strings.ReplaceAll(shown.String(), "\r\n", "\n"), "\n")
		for _, line := range lines {
			if len([]rune(line)) > columns && !strings.HasPrefix(line, "  ") && len(strings.Fields(line)) > 1 {
				t.Errorf("throng %s: %d characters: %s", args, len([]rune(line)), line)
			}
		}
		if longest := slices.MaxFunc(lines, func(a, b string) int { return len(a) - len(b) }); len(longest) <= columns/2 {
			t.Errorf("throng %s: no line is longer than %q", args, longest)
		}
	}
}

// terminal returns both sides of a terminal that is so wide.
func terminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return screen, tty
}
