// Package capacity draws the conclusions of a capacity search from its trials: the load that one
// node holds, the load to run it at, where latency bends, how throughput scales. A conclusion that
// the trials do not support is absent, and a note says why.
package capacity
