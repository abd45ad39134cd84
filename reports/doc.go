// Package reports turns the result of a run into a page, figures and a summary for the terminal.
//
// Everything is made from a [result.Run] alone: a saved result can be drawn again, and gives the
// same bytes again. The packages below it follow the way from a result to a reader:
//
//   - internal/selection chooses: which trials belong together, which percentile has enough
//     samples, which strategy is cheapest. It returns values and writes no text.
//   - internal/stats holds the tests and intervals.
//   - internal/layout writes amounts, and tables as text and Markdown.
//   - internal/tables and internal/sentences put what was chosen into words.
//   - internal/charts builds figures as data; internal/draw alone draws them.
//   - internal/htmlpage holds the HTML template, the style sheet and the files of the figures.
//   - capacity draws the conclusions of a search, with package model.
//   - reports itself puts the report of a run together.
//   - compare sets runs, or the cells of one run, against each other; export writes results for
//     other programs; view serves reports and comparisons to a browser.
//
// The rules for the numbers:
//
//   - The verdict comes first. If it is invalid, the first sentence says that no number describes
//     the server.
//   - A percentile p is shown only from n samples with n(1-p) >= 10: p99 needs 1 000 samples.
//     Otherwise "-" is shown.
//   - Repeats of the same parameters show the median and the range of their trials. Percentiles
//     are never averaged: a curve over several trials is drawn from their merged histograms.
//   - A figure or table without data is left out.
package reports
