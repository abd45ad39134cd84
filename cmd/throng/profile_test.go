package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestRunProfiles(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/profile",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// pprof KIND FILE: the file is a profile of that kind.
			"pprof": func(ts *testscript.TestScript, _ bool, args []string) {
				z, err := gzip.NewReader(strings.NewReader(ts.ReadFile(args[1])))
				ts.Check(err)
				profile, err := io.ReadAll(z)
				ts.Check(err)
				if !bytes.Contains(profile, []byte(args[0])) || !bytes.Contains(profile, []byte("throng")) {
					ts.Fatalf("%s is no profile of kind %s of this program", args[1], args[0])
				}
			},
		},
	})
}

// A line makes the heap profile at that moment, whatever else is in the stream.
func TestHeapProfileOnALine(t *testing.T) {
	asked := 0
	r := &onLine{from: bufio.NewReader(strings.NewReader("heap\nx\nrest")), do: func() error { asked++; return nil }}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "heap\nx\nrest" || asked != 2 {
		t.Errorf("read %q, %v; asked %d times", rest, err, asked)
	}
}
