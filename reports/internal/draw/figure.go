// Package draw turns a figure, which is plain data, into SVG and PNG. It is the only importer of
// gonum/plot.
//
// A [Figure] is one or more panels above one another on a common x axis. The caller says what the
// numbers are and which role each line plays; the package chooses ticks, lays out legends and
// labels so that nothing is clipped, and draws. The output depends on the figure and the size
// alone: no time of day, no map order, no font of the machine. The same figure gives the same
// bytes.
//
// Colours are from the palette of Okabe and Ito, distinct for colour-blind readers; each has its
// own dash pattern and its own mark, so that nothing rests on colour. In the SVG for a page
// ([Inline]) every colour is a CSS variable, for light and dark pages.
package draw

// Figure is what is drawn, as numbers and words. All text is taken as it is; nothing is
// interpreted.
type Figure struct {
	Name   string // file name without extension
	Title  string // one line
	Sub    string // what the numbers rest on: n, parameters; one line
	Alert  string // what a reader must know before believing the figure
	Panels []Panel
}

// Panel is a pair of axes with what stands between them.
type Panel struct {
	X, Y   Axis
	Lines  []Line
	Bands  []Band
	Areas  []Area
	Boxes  []Box
	Rules  []Rule
	Weight float64 // height compared with the other panels; 0 means 1
}

// Axis is one direction of a panel. With Min = Max the range is taken from the data and the rules.
// A logarithmic axis with computed ticks is widened to the ticks next to its range.
type Axis struct {
	Label    string // what and in which unit
	Log      bool   // values <= 0 are drawn at the lower end
	Min, Max float64
	Zero     bool   // a linear range taken from the data includes 0 (always so for y)
	Ticks    []Tick // instead of the computed ones
}

// Tick is a named position on an axis.
type Tick struct {
	At    float64
	Label string
}

// Point is one value. Gap breaks the line between it and the point before.
type Point struct {
	X, Y float64
	Gap  bool
	Text string // beside it, where it hides least
}

// Line is a series. Style picks colour, dashes and mark together; lines of one figure that mean
// different things have different styles.
type Line struct {
	Name   string // in the legend; "" leaves it out
	Points []Point
	Style  Style
	Marks  bool // marks only, no line between them
	Thin   bool // a background line
	Solid  bool // without the dashes of its style: the range of a value
	Steps  bool // each value holds until the next point
	// Key makes the line an entry of the legend for boxes filled with Fill, and nothing more.
	Key  bool
	Fill Fill
}

// Band is a stretch of the x axis with a name, such as a phase.
type Band struct {
	From, To float64
	Label    string
	Grey     bool // not part of what the numbers say
}

// Area is shaded between two lines over the same x, such as the bounds of an interval. It lies
// behind the grid.
type Area struct{ Low, High []Point }

// Box is a filled rectangle between the axes: a cell of a heat map, a bar, a stretch of a strip. It
// lies above the grid.
type Box struct {
	X0, X1, Y0, Y1 float64
	Fill           Fill
	Text           string // in its middle, where there is room
}

// Fill is the colour of a box.
type Fill int

// The fills. Those from Heat1 to Heat8 are steps of one scale, from few to many.
const (
	Heat1 Fill = iota
	Heat2
	Heat3
	Heat4
	Heat5
	Heat6
	Heat7
	Heat8
	Good
	Bad
	Void

	fills
)

// Shades is how many steps the scale of a heat map has.
const Shades = int(Heat8) + 1

// Rule is a limit: a dashed line across the panel. It widens the range so that it is seen; one so
// far above the data that these would lie flat on a linear axis is only named.
type Rule struct {
	At       float64
	Label    string
	Vertical bool
	MarkX    float64 // > 0: where on x the limit applies; a mark is set there
	From, To float64 // the stretch of x in which it applies; both 0: all of it
}

// Style is a combination of colour, dashes and mark.
type Style int

// The styles, in the order in which to use them for series of equal rank.
const (
	Blue Style = iota
	Vermillion
	Green
	Purple
	Orange
	Sky
	Ink
	Grey

	styles
)

// Series is how many styles can be told apart in one panel.
const Series = int(Grey)
