// Package result holds the measurements of a run as plain data.
//
// It is where the runner and the reports meet, and the only thing they share: the runner fills a
// [Run], [Run.Write] puts it on disk as result.json, [Read] takes it back, and every table and
// figure is made from the Run alone. So a saved result can be drawn again, and compared with
// another, long after the server it speaks about has gone.
//
// A Run holds one [Cell] per trial of each combination of the scenario's matrix; a scenario without
// a matrix has one cell. A cell holds the ledger of its deliveries, one [Latency] per metric, one
// [Second] per second of the timeline, and the checks with their findings. Field names and units in
// JSON are part of the format: suffix _us is microseconds, _s seconds, _per_s a rate per second,
// _bytes bytes. New fields may be added within a format; a change of meaning raises [Format].
//
// Latencies are kept as HdrHistograms of microseconds ([NewHistogram]), never as percentiles alone,
// so that trials can be merged. [LogWriter] writes the same histograms second by second in the
// HdrHistogram log format, for other tools to read.
package result
