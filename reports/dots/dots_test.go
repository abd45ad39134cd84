package dots

import (
	"bytes"
	"encoding/xml"
	"math"
	"regexp"
	"strconv"
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

var reMark = regexp.MustCompile(`M([-0-9.]+),[-0-9.]+A`)

// A reader can read the scale off: whatever the range, the axis of the figure has three labels at
// least, its values stand where the labels say, and they do not take a small part of it.
func TestScale(t *testing.T) {
	for _, width := range []float64{320, 560, 640} {
		for _, base := range []float64{0.0071, 0.8, 1, 3.3, 9.9, 470, 81000} {
			for _, ratio := range []float64{1, 1.001, 1.02, 1.1, 1.4, 1.625, 2, 3, 4.9, 5, 9, 30, 1e3, 1e6, 1e9} {
				f := &Figure{Title: "t", Axis: "µs", Kinds: []string{""}, Panels: []Panel{{Name: "p", Rows: []Row{
					{"low", base, base, base, 0}, {"high", base * ratio, base * ratio, base * ratio, 0},
				}}}}
				var b bytes.Buffer
				if err := Write(&b, f, width); err != nil {
					t.Fatal(err)
				}
				labels := labels(t, b.Bytes())
				if len(labels) < 3 {
					t.Errorf("%v to %v in %v points: labels at %v", base, base*ratio, width, labels)
					continue
				}
				// the place of a value, from the first and the last label
				first, last := labels[0], labels[len(labels)-1]
				perLog := (last.x - first.x) / math.Log(last.value/first.value)
				var marks []float64
				for _, m := range reMark.FindAllStringSubmatch(b.String(), -1) {
					x, err := strconv.ParseFloat(m[1], 64)
					if err != nil {
						t.Fatal(err)
					}
					marks = append(marks, x-3.2) // its right end
				}
				if len(marks) != 2 {
					t.Fatalf("%d marks", len(marks))
				}
				for i, v := range []float64{base, base * ratio} {
					if want := first.x + perLog*math.Log(v/first.value); math.Abs(marks[i]-want) > 1.5 {
						t.Errorf("%v to %v in %v points: %v stands at %.1f, by the labels at %.1f", base, base*ratio, width, v, marks[i], want)
					}
				}
				if share := (marks[1] - marks[0]) / (width - 60); ratio > 1.05 && share < 0.4 {
					t.Errorf("%v to %v in %v points: the values take %.2f of the axis", base, base*ratio, width, share)
				}
			}
		}
	}
}

type label struct{ x, value float64 }

// labels are the texts of an SVG that are numbers, with their middles.
func labels(t *testing.T, svg []byte) (ls []label) {
	var doc struct {
		Texts []struct {
			X     float64 `xml:"x,attr"`
			Width float64 `xml:"textLength,attr"`
			Text  string  `xml:",chardata"`
		} `xml:"g>text"`
	}
	if err := xml.Unmarshal(svg, &doc); err != nil {
		t.Fatal(err)
	}
	for _, text := range doc.Texts {
		if v, err := strconv.ParseFloat(strings.ReplaceAll(text.Text, "\u00a0", ""), 64); err == nil {
			ls = append(ls, label{text.X + text.Width/2, v})
		}
	}
	return ls
}
