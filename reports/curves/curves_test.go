package curves

import (
	"bytes"
	"strings"
	"testing"
)

func sample() *Figure {
	at := func(size, value float64, text string) Point {
		return Point{size, value, value * 0.9, value * 1.1, text}
	}
	return &Figure{
		Title: "Servers", Sub: "three rounds", Alert: "beware", Sizes: "messages in flight", Log: true,
		Panels: []Panel{
			{Name: "few", Curves: []Curve{
				{Name: "ours", Points: []Point{at(1, 3.1, "three"), at(8, 0.5, ""), at(64, 0.1, "tenth")}},
				{Name: "theirs & others", Kind: 1, Points: []Point{at(1, 3.2, ""), at(64, 3, "")}},
			}},
			{Name: "many", Curves: []Curve{{Name: "level", Guide: true, Points: []Point{{1, 1, 1, 1, ""}, {64, 1, 1, 1, ""}}}}},
		},
	}
}

func TestWrite(t *testing.T) {
	for _, logarithmic := range []bool{true, false} {
		f := sample()
		f.Log = logarithmic
		var b, again bytes.Buffer
		if err := Write(&b, f, 640); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Servers", "three rounds", "beware", "messages in flight", "few", "many", "three", "tenth", "ours", "theirs &amp; others", "level", "64"} {
			if !strings.Contains(b.String(), ">"+want+"<") {
				t.Errorf("%q is not in the figure", want)
			}
		}
		if err := Write(&again, f, 640); err != nil || again.String() != b.String() {
			t.Errorf("the same figure is drawn otherwise: %v", err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Figure){
		"no values":                func(f *Figure) { f.Panels = nil },
		"a value of 0":             func(f *Figure) { f.Panels[0].Curves[0].Points[0].Low = 0 },
		"a value out of its range": func(f *Figure) { f.Panels[0].Curves[0].Points[0].High = 1 },
		"a size below 0":           func(f *Figure) { f.Panels[0].Curves[0].Points[0].Size = -1 },
		"too many kinds":           func(f *Figure) { f.Panels[0].Curves[0].Kind = 7 },
	} {
		f := sample()
		spoil(f)
		if err := Write(new(bytes.Buffer), f, 640); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
}
