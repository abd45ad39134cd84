package file

import "github.com/throng-io/throng/scenario/metric"

// Takes is how many samples a rule on a percentile needs to be judged; 0 for any other rule.
func (k *Check) Takes() int64 {
	if k.Quantile == 0 {
		return 0
	}
	return metric.Takes(k.Metric, k.Quantile)
}

// Expected is how many samples a rule on latencies is going to have by the plan: in its phases or,
// when it is over windows, in the fullest of them. ok is false where the plan does not tell: for
// metrics whose samples are not of operations that are due, and for most labels of receivers.
func (s *Spec) Expected(k *Check) (n float64, ok bool) {
	count := samplesOf(k.Metric)
	for label := range k.Labels {
		known := label == metric.LabelOp || label == metric.LabelEvent || label == metric.LabelGroup || label == metric.LabelFrom
		if !known {
			return 0, false
		}
	}
	if count == nil {
		return 0, false
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		if k.Phase != "" && k.Phase != p.Name || k.Phase == "" && !p.Record {
			continue
		}
		from, to := s.samples(k, count, p.Clients.From, p.Load.From), s.samples(k, count, p.Clients.To, p.Load.To)
		if k.Over > 0 {
			n = max(n, max(from, to)*k.Over.Seconds())
		} else {
			n += (from + to) / 2 * p.For.Seconds()
		}
	}
	return n, true
}

// samples is how many samples a rule gets from what is due in a second.
func (s *Spec) samples(k *Check, count sampleCount, share, load float64) (sum float64) {
	has := func(label, value string) bool {
		want, named := k.Labels[label]
		return !named || want == value
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		for _, st := range g.Send {
			if has(metric.LabelOp, st.Op) && has(metric.LabelEvent, st.Event) && has(metric.LabelFrom, g.Name) {
				sum += count(s, k.Labels[metric.LabelGroup], g, st, share) * g.offers(st, share, load)
			}
		}
	}
	return sum
}

// A sampleCount is how many samples one operation of a stream brings to a group's clients; group
// "": to all.
type sampleCount func(s *Spec, group string, from *Group, st Stream, share float64) float64

// samplesOf returns how the samples of a metric are counted; nil where operations do not tell.
func samplesOf(name string) sampleCount {
	one := func(is func(s *Spec, from *Group, st Stream, share float64) bool) sampleCount {
		return func(s *Spec, group string, from *Group, st Stream, share float64) float64 {
			if (group == "" || group == from.Name) && is(s, from, st, share) {
				return 1
			}
			return 0
		}
	}
	switch name {
	case metric.Delivery:
		return func(s *Spec, group string, from *Group, st Stream, share float64) float64 {
			return s.receiversIn(group, *from, st, share)
		}
	case metric.Ack, metric.AckService:
		return one(func(_ *Spec, _ *Group, st Stream, _ float64) bool { return st.Ack > 0 })
	case metric.FanoutFirst, metric.FanoutLast, metric.FanoutSpread:
		return one(func(s *Spec, from *Group, st Stream, share float64) bool {
			return st.To.Kind != ToSelf && s.receivers(*from, st, share) > 0
		})
	}
	return nil
}
