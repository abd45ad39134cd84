// Package reports turns a result into what people read: a page, figures and the text on the terminal.
//
// Everything is made from a [result.Run] alone, so a saved result can be drawn again, and gives the same bytes again. The way
// through: the cells of the run are grouped by their parameters; tables and figures are built as data, rows of text and lines of
// numbers, which is what tests compare; then the tables become HTML or plain text, and the figures SVG and PNG.
//
// The page begins with what a reader asks first: the verdict in a sentence, a short table of what was measured on what, and one picture.
// [CapacityOf] does for a search what the sentence does for a run: it draws the conclusions from the trials, with the package model, and
// says why where they support none.
//
// [Compare] sets runs, or the cells of one, against each other in the same manner: a [Comparison] is data, and becomes text, Markdown,
// JSON or a page. Its unit is the trial, never the message. What differs besides the thing compared comes before any number; a
// difference is called shown only when a test over the trials shows it, and a [Gate] that has too few trials to judge does not pass.
// [Viewer] serves all of this to a browser, and [WriteFormat] writes runs for other programs.
//
// The rules that the numbers follow:
//   - The verdict comes first. When it is invalid, the first sentence says that no number speaks about the server.
//   - A percentile p is shown only from n samples with n(1-p) >= 10: p99 needs 1 000 samples. Others show "-".
//   - Repeats of the same parameters show the median and the range of their trials. Percentiles are never averaged: a curve over
//     several trials is drawn from their merged histograms.
//   - What is missing in a result is left out, not drawn empty.
package reports
