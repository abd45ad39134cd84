// Package judge gives the verdict on a trial. It reads an [Evidence], a plain value, and never a
// running trial. The trial fills one at its end, the collector fills one each second for the live
// view, and Recall makes one from a saved result. The same evidence and rules give the same
// verdict.
//
// A rule about the generator that does not hold makes a trial invalid, a rule about the target
// makes it fail. Only latencies over windows cannot be computed afterwards without keeping every
// second: [Windows] evaluates them as they come, and the evidence holds its findings.
package judge
