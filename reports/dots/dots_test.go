package dots

import (
	"bytes"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	f := &Figure{
		Title: "Servers", Sub: "three rounds", Axis: "times the best", Kinds: []string{"ours", "others"},
		Panels: []Panel{
			{Name: "echo", Rows: []Row{{"One", 1, 1, 1, 0}, {"Two", 3, 2.5, 4, 1}}},
			{Name: "broadcast", Rows: []Row{{"One", 1, 1, 1, 0}, {"Two & more", 16, 12, 20, 1}}},
		},
	}
	var b, again bytes.Buffer
	if err := Write(&b, f, 640); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Servers", "three rounds", "times the best", "echo", "broadcast", "Two &amp; more", "ours", "others"} {
		if n := strings.Count(b.String(), ">"+want+"<"); n == 0 {
			t.Errorf("%q is not in the figure", want)
		}
	}
	if err := Write(&again, f, 640); err != nil || again.String() != b.String() {
		t.Errorf("the same figure is drawn otherwise: %v", err)
	}
	f.Panels[0].Rows[0].Low = 0
	if err := Write(&again, f, 640); err == nil {
		t.Error("a value of 0 is drawn on a logarithmic axis")
	}
	if err := Write(&again, &Figure{Title: "none"}, 640); err == nil {
		t.Error("a figure without rows is drawn")
	}
}
