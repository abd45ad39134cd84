package draw

import (
	"io"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// stable takes the time of day out of PDF files, which the library has no other way to set.
var stable = sync.OnceFunc(func() {
	epoch := time.Unix(0, 0).UTC()
	fpdf.SetDefaultCreationDate(epoch)
	fpdf.SetDefaultModificationDate(epoch)
	fpdf.SetDefaultCatalogSort(true)
})

// PDF writes the figure as a page of vectors with its font embedded, for papers. The same figure
// gives the same bytes.
func PDF(w io.Writer, f *Figure, size Size) error {
	l, err := f.layout(size)
	if err != nil {
		return err
	}
	stable()
	c := &pdfCanvas{Canvas: vgpdf.New(l.width*vg.Length(size.scale()), l.height*vg.Length(size.scale()))}
	c.Scale(size.scale(), size.scale())
	l.draw(draw.NewCanvas(c, l.width, l.height))
	_, err = c.WriteTo(w)
	return err
}

// pdfCanvas writes the text that the library cannot. The library takes bytes of the code page 1252
// for characters and knows no others, and it cannot find a bold font again that it has added.
type pdfCanvas struct{ *vgpdf.Canvas }

func (c *pdfCanvas) FillString(face font.Face, pt vg.Point, s string) {
	if text, err := charmap.Windows1252.NewEncoder().String(s); err == nil && face.Font.Weight == xfont.WeightNormal {
		c.Canvas.FillString(face, pt, text)
		return
	}
	c.Fill(outline(face, pt, s))
}

// outline is a text as shapes. Characters that the font lacks are boxes.
func outline(face font.Face, at vg.Point, s string) (path vg.Path) {
	const em = 1000
	var buf sfnt.Buffer
	ppem := fixed.I(em)
	scale := func(p fixed.Point26_6) vg.Point {
		k := face.Font.Size / em
		return vg.Point{X: at.X + vg.Length(p.X)/64*k, Y: at.Y - vg.Length(p.Y)/64*k}
	}
	for _, r := range s {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		segments, err := face.Face.LoadGlyph(&buf, glyph, ppem, nil)
		if err != nil {
			continue
		}
		for i, seg := range segments {
			switch seg.Op {
			case sfnt.SegmentOpMoveTo:
				if i > 0 {
					path.Close()
				}
				path.Move(scale(seg.Args[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(scale(seg.Args[0]))
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(scale(seg.Args[0]), scale(seg.Args[1]))
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(scale(seg.Args[0]), scale(seg.Args[1]), scale(seg.Args[2]))
			}
		}
		if len(segments) > 0 {
			path.Close()
		}
		if advance, err := face.Face.GlyphAdvance(&buf, glyph, ppem, xfont.HintingNone); err == nil {
			at.X += vg.Length(advance) / 64 * face.Font.Size / em
		}
	}
	return path
}
