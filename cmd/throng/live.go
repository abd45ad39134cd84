package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/cmd/throng/internal/livepage"
	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/scenario/result"
)

// livePage is the web page that shows the runs of a command while they run; nil
// is none.
type livePage struct {
	page    *livepage.Page
	address string
}

// openLive serves the page on an address; "" does nothing. client names the folder
// of the official browser client, "" is the page's own script.
func openLive(address, client string, stderr io.Writer) (*livePage, error) {
	if address == "" {
		return nil, nil
	}
	var files fs.FS
	if client != "" {
		if _, err := os.Stat(filepath.Join(client, "socket.io.min.js")); err != nil {
			return nil, fmt.Errorf("--live-client %s: %w; name the folder dist of the npm package socket.io-client", client, err)
		}
		files = os.DirFS(client)
	}
	ln, err := listenAside("--live", address)
	if err != nil {
		return nil, err
	}
	page, err := livepage.New(board.New("", ""), livepage.Options{Client: files})
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	page.Serve(ln)
	l := &livePage{page, fmt.Sprintf("http://%s/", ln.Addr())}
	_, _ = fmt.Fprintf(stderr, "live on %s\n", l.address)
	if exposed(ln) {
		_, _ = fmt.Fprintln(stderr, "throng: any client that can reach this address can watch the run")
	}
	return l, nil
}

// show turns the page to a run that begins.
func (l *livePage) show(b *board.Board) {
	if l != nil {
		b.Page(l.address)
		l.page.Show(b)
	}
}

// ended sends the viewers the outcome of a run whose results are in dir.
func (l *livePage) ended(b *board.Board, run *result.Run, dir string) {
	path := filepath.Join(dir, reports.PageName)
	report, err := os.ReadFile(path)
	if err != nil { // the scenario asks for no page
		path, report = dir, nil
	}
	reason := ""
	for _, c := range run.Cells {
		if c.Verdict == run.Verdict && c.Reason != "" {
			reason = c.Reason
			break
		}
	}
	b.End(run.Verdict, reason, path)
	if l != nil {
		l.page.Report(report)
	}
}

func (l *livePage) close() {
	if l != nil {
		l.page.Close()
	}
}
