package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/scenario/file"
)

// drawFlags say what to write beside a page, and how wide its figures are.
type drawFlags struct {
	formats []string
	width   string
}

// add offers formats for other programs, and pdf.
func (d *drawFlags) add(cmd *cobra.Command, programs ...string) {
	formats := append([]string{"pdf"}, programs...)
	f := cmd.Flags()
	f.StringSliceVar(&d.formats, "format", nil, "write these `FORMATS` too: "+strings.Join(formats, ", "))
	f.StringVar(&d.width, "figure-width", "", "make the figures' files this `WIDTH`, for papers: 84mm, 8.4cm, 3.3in, 238pt, 600px")
	complete(cmd, "format", formats)
}

// split returns what to draw, and the formats for other programs.
func (d *drawFlags) split() (what reports.Drawing, programs []string, err error) {
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

// drawing is what a scenario wants drawn; ok is false when it wants nothing.
func drawing(f *file.File) (what reports.Drawing, ok bool) {
	what = reports.Drawing{Width: f.Spec.Report.FigureWidth, Formats: []string{}}
	for _, format := range reports.DrawFormats {
		if wants(f, format) {
			what.Formats = append(what.Formats, format)
		}
	}
	return what, len(what.Formats) > 0
}
