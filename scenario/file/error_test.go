package file

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Mistakes come in the order of the file, overrides first, each once, each on one line.
func TestErrorList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &errorList{file: "f.yaml"}
		kinds := map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "mistakes") {
			at := place{line: rapid.IntRange(1, 9).Draw(t, "line"), col: rapid.IntRange(1, 9).Draw(t, "col")}
			if rapid.IntRange(0, 4).Draw(t, "from") == 0 {
				at = place{set: "--set a=b"}
			}
			msg := rapid.StringMatching(`[a-z\n\x1b]{1,2}`).Draw(t, "text")
			l.cell = fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "cell"))
			l.add(at, msg, "hint")
			kinds[fmt.Sprint(at, printable(msg))] = true
		}
		got := unpacked(t, l.join(2))
		if want := min(len(kinds), maxErrors+1); len(got) != want {
			t.Fatalf("%d mistakes, want %d", len(got), want)
		}
		last := 0
		for i, e := range got {
			if i == maxErrors {
				if !strings.Contains(e.Msg, fmt.Sprintf("and %d more mistakes", len(kinds)-maxErrors)) {
					t.Fatalf("the last is %v", e)
				}
				break
			}
			if now := e.Line*100 + e.Col; now < last {
				t.Fatalf("%v comes after %d", e, last)
			} else {
				last = now
			}
			if strings.ContainsAny(e.Error(), "\n\x1b") {
				t.Fatalf("%q", e.Error())
			}
		}
	})
	if err := (&errorList{}).join(1); err != nil {
		t.Error(err)
	}
}

// unpacked unpacks the errors of a list.
func unpacked(t *rapid.T, err error) (out []*Error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T", err)
	}
	for _, e := range joined.Unwrap() {
		one, ok := errors.AsType[*Error](e)
		if !ok {
			t.Fatalf("%T", e)
		}
		out = append(out, one)
	}
	return out
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{File: "f", Line: 2, Col: 3, Msg: "m", Hint: "h"}, "f:2:3: m; h"},
		{Error{File: "f", Line: 2, Col: 3, Msg: "m"}, "f:2:3: m"},
		{Error{File: "--set a=b", Msg: "m", Hint: "h"}, "--set a=b: m; h"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if got := clip(strings.Repeat("é", 61)); got != strings.Repeat("é", 57)+"..." {
		t.Error(got)
	}
}
