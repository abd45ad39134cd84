// Package compare compares runs, or the cells of one run, and says which differences the trials
// show.
//
// A [Comparison] is data; it is written as text, Markdown, JSON or a page. The unit is the trial,
// not the message: however many messages a trial delivers, it gives one value of each metric.
// Differences in the setup are listed before any number. A change is called better or worse only if
// a test over the trials shows it, and a [Gate] with too few trials to decide does not pass.
package compare
