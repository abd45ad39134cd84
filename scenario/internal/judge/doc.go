// Package judge decides what a trial was worth. It looks at an [Evidence], a plain value, and never at a
// running trial: the trial fills one when it has ended, once a second while it runs for those who watch, and
// one can be made of a saved result. The same evidence and rules give the same verdict.
//
// A rule about the generator that does not hold makes a trial invalid, a rule about the target makes it
// fail. Latencies over windows are the one thing that cannot be looked up afterwards without keeping every
// second: [Windows] takes them in as they come, and evidence has what it found.
package judge
