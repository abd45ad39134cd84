package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Floor is the lateness of a generator that is always accepted. Most machines cannot measure below
// it; `throng doctor` measures this machine.
const Floor = time.Millisecond

// ownShare is the part of a statistic that may be the generator's own lateness, if that is more
// than the Floor.
const ownShare = 0.1

// Allowed is how much of a statistic of latencies, in seconds, may be the generator's own lateness.
func Allowed(v float64) float64 { return max(ownShare*v, Floor.Seconds()) }

// An Own is the effect of the generator's own lateness on one statistic of latencies, in seconds.
type Own struct {
	Stat, Metric  string
	With, Without float64
}

// Excess reports whether the generator's own lateness is more than it may be.
func (o *Own) Excess() bool { return o.With-o.Without > Allowed(o.With) }

// own finds the part of the generator in a statistic of a rule on latencies. ok is false where it
// cannot be told.
//
// Latencies end when messages reach the socket, so they contain only the generator's lateness in
// sending. For each delivery and acknowledgement that lateness is known: the same statistic without
// it shows its effect. So it is for each connection, of which it is known how late it was begun and
// how long the answers waited to be read. For fan-outs and gaps the lateness at the same percentile
// is used. Where the system does not report arrival times, latencies end when messages are read;
// the lateness in reading is then measured by the generator's echo and taken at the same
// percentile.
func (e *Evidence) own(k *file.Check) (o Own, ok bool) {
	r := e.find(k)
	o = Own{Stat: k.Stat, Metric: k.Metric, With: r.Value, Without: r.Value}
	// nothing is known of what never came, with or without us
	if r.NoData || r.Undecided || r.Beyond {
		return o, false
	}
	at := func(name string, labels map[string]string) {
		sc := scopeOf(k)
		sc.Metric, sc.Labels = name, labels
		if late := statOf(k, e.Total(sc), 0).v; !math.IsNaN(late) {
			o.Without, ok = max(0, o.Without-late), true
		}
	}
	switch {
	case metric.HasNet(k.Metric):
		if net := e.net(k); !math.IsNaN(net) {
			o.Without, ok = net, true
		}
	case metric.Sends(k.Metric):
		at(metric.Lag, nil)
	}
	at(metric.LagReceive, map[string]string{metric.LabelGroup: ""})
	return o, ok
}

// net is the value of a rule without the generator's own lateness; NaN when that was not kept.
func (e *Evidence) net(k *file.Check) float64 {
	if k.Over > 0 {
		for i := range e.Windows {
			if w := &e.Windows[i]; w.Text == k.Text && w.Kind == kindNet {
				return w.Worst
			}
		}
		return math.NaN()
	}
	sc := scopeOf(k)
	sc.Metric += metric.NetSuffix
	return statOf(k, e.Total(sc), 0).v
}

// kindNet is the kind of the windows of rules on latencies without the generator's own lateness.
const kindNet = "net"

// netRules returns the rules whose windows are kept, so that own can compute the generator's effect
// on them.
func netRules(rules Rules) (out []file.Check) {
	for _, k := range rules.SLO {
		if k.Over > 0 && metric.HasNet(k.Metric) && ofSamples(&k) {
			k.Kind, k.Metric = kindNet, k.Metric+metric.NetSuffix
			out = append(out, k)
		}
	}
	return out
}

// judged lists the statistics behind the verdict or the headline: the statistics of the rules, and
// the highest percentile of the deliveries (without deliveries, of the acknowledgements) that has
// ten samples beyond it.
func (e *Evidence) judged(rules Rules) (out []file.Check) {
	has := func(k *file.Check) bool {
		return slices.ContainsFunc(out, func(o file.Check) bool {
			return o.Stat == k.Stat && o.Metric == k.Metric && len(o.Labels)+len(k.Labels) == 0 && o.Phase == k.Phase && o.Over == k.Over
		})
	}
	for _, k := range rules.SLO {
		upper := k.Quantile > 0 || k.Stat == metric.StatMax || k.Stat == metric.StatMean
		if upper && ofSamples(&k) && !metric.OfGenerator(k.Metric) && (!metric.Always(k.Metric) || metric.HasNet(k.Metric)) && !k.Optional && !has(&k) {
			out = append(out, k)
		}
	}
	for _, name := range []string{metric.Delivery, metric.Ack} {
		n := e.Total(Scope{Metric: name}).Total()
		if n == 0 {
			continue
		}
		if k := headline(name, n); k.Stat != "" && !has(&k) {
			out = append(out, k)
		}
		break
	}
	return out
}

// headline is the statistic of n samples that reports show first.
func headline(name string, n int64) (k file.Check) {
	for _, q := range []float64{99, 90, 50} {
		if float64(n)*(1-q/100) >= 10-1e-6 {
			return file.Check{Stat: fmt.Sprintf("p%g", q), Quantile: q, Metric: name}
		}
	}
	return k
}

// lateness are the rules about the generator's own lateness, which hold unless the file has limits
// of its own both for sending and for reading. Only the broken ones are returned.
func (e *Evidence) lateness(rules Rules) (out []result.Check) {
	limits := func(name string) bool {
		return slices.ContainsFunc(rules.Valid, func(k file.Check) bool { return k.Metric == name && !k.Optional })
	}
	if limits(metric.Lag) && limits(metric.LagReceive) {
		return nil
	}
	for _, k := range e.judged(rules) {
		o, ok := e.own(&k)
		if !ok || !o.Excess() {
			continue
		}
		// One pause in an hour does not decide a verdict: a warning reports it. Nor does the work
		// of connecting, of which there is much in a short time.
		decides := k.Stat == metric.StatMax || metric.Always(k.Metric)
		if r := found(&k, reading{}, ""); decides && r.Meets(o.With) == r.Meets(o.Without) {
			continue
		}
		out = append(out, result.Check{
			Text: "the generator's own part of " + o.subject(&k), Kind: result.KindValid,
			Value: o.With - o.Without, Limit: Allowed(o.With), Op: "<=", Unit: metric.Seconds, Labels: k.Labels, Phase: k.Phase, OverS: k.Over.Seconds(),
			Note: fmt.Sprintf("%s with it, %s without; allowed: a tenth, or %s", metric.FormatSeconds(o.With), metric.FormatSeconds(o.Without), metric.FormatDuration(Floor)),
		})
	}
	slices.SortStableFunc(out, func(a, b result.Check) int { return cmp.Compare(b.Value/b.Limit, a.Value/a.Limit) })
	return out
}

// subject names what is a part of which: two rules may be about one statistic of different clients,
// phases or windows.
func (o *Own) subject(k *file.Check) string {
	s := o.Stat + "(" + metric.Labelled(o.Metric, k.Labels) + ")"
	if k.Over > 0 {
		s += " over " + metric.FormatDuration(k.Over)
	}
	if k.Phase != "" {
		s += " in " + k.Phase
	}
	return s
}

// A Tail is the generator's effect on the highest latencies of a metric.
type Tail struct {
	Own
	Slowest int64 // samples at or above the statistic
	Late    int64 // of those, how many would be below it without the generator's own lateness
}

// Tail finds the statistic of the recorded deliveries, or else of the acknowledgements, from which
// on the generator's own lateness is more than it may be: the highest percentile with ten samples
// beyond it, higher ones, or the maximum. ok is false when there is none.
func (e *Evidence) Tail() (t Tail, ok bool) {
	for _, name := range []string{metric.Delivery, metric.Ack} {
		h, net := e.Total(Scope{Metric: name}), e.Total(Scope{Metric: name + metric.NetSuffix})
		if h.Count() == 0 || net.Count() == 0 {
			continue
		}
		for _, k := range []file.Check{
			headline(name, h.Total()), {Stat: "p99.9", Quantile: 99.9, Metric: name}, {Stat: metric.StatMax, Metric: name},
		} {
			if k.Stat == "" || k.Quantile > 0 && float64(h.Total())*(1-k.Quantile/100) < 10-1e-6 {
				continue
			}
			with, without := statOf(&k, h, 0), statOf(&k, net, 0)
			t.Own = Own{Stat: k.Stat, Metric: name, With: with.v, Without: without.v}
			if !with.beyond && t.Excess() {
				t.Slowest, t.Late = atLeast(h.Ended, t.With), max(0, atLeast(h.Ended, t.With)-atLeast(net.Ended, t.With))
				return t, true
			}
		}
		break
	}
	return t, false
}

// atLeast counts the samples that are not below a value in seconds.
func atLeast(h *hdrhistogram.Histogram, v float64) (n int64) {
	least := int64(math.Round(v * 1e6))
	for _, bar := range h.Distribution() {
		if bar.To >= least {
			n += bar.Count
		}
	}
	return n
}
