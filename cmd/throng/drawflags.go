package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/scenario/file"
)

// drawFlags say what to write beside a page, and how wide its figures are.
type drawFlags struct {
	formats []string
	offered []string // what --format takes
	width   string
}

// add offers pdf, and formats for other programs.
func (d *drawFlags) add(f *pflag.FlagSet, programs ...string) {
	d.offered = append([]string{"pdf"}, programs...)
	f.StringSliceVar(&d.formats, "format", nil, "write these `FORMATS` too: "+strings.Join(d.offered, ", "))
	f.StringVar(&d.width, "figure-width", "", "make the figures' files this `WIDTH`, for papers: 84mm, 8.4cm, 3.3in, 238pt, 600px")
}

// split returns what to draw, and the formats for other programs.
func (d *drawFlags) split() (what reports.Drawing, programs []string, err error) {
	for _, format := range d.formats {
		if !slices.Contains(d.offered, format) {
			return what, nil, fmt.Errorf("--format %q is unknown; write %s", format, strings.Join(d.offered, ", "))
		}
	}
	if d.width != "" {
		if what.Width, err = file.ParseFigureWidth(d.width); err != nil {
			return what, nil, fmt.Errorf("--figure-width %w", err)
		}
	}
	if slices.Contains(d.formats, "pdf") {
		what.Formats = reports.DrawFormats
	}
	return what, slices.DeleteFunc(slices.Clone(d.formats), func(f string) bool { return f == "pdf" }), nil
}

// ofComparison is what to draw of a comparison, which is written to out; "" is nowhere.
func (d *drawFlags) ofComparison(out string) (reports.Drawing, error) {
	what, _, err := d.split()
	if err == nil && out == "" && (d.width != "" || len(d.formats) > 0) {
		err = errors.New("--format and --figure-width apply to the figures of --out; add --out DIR")
	}
	return what, err
}

// drawing returns the figures that a scenario requests; ok is false when it requests none.
func drawing(f *file.File) (what reports.Drawing, ok bool) {
	what = reports.Drawing{Width: f.Spec.Report.FigureWidth, Formats: []string{}}
	for _, format := range reports.DrawFormats {
		if wants(f, format) {
			what.Formats = append(what.Formats, format)
		}
	}
	return what, len(what.Formats) > 0
}
