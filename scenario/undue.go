package scenario

import (
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// excuse lets a rule pass that found no samples because nothing that it measures was due in its phases. A schedule without
// operations was kept, whatever the scenario. A rule about the target is excused in a scaled-down run only: a scenario at
// its own size that never measures what it has a rule for is a mistake, and fails.
func (f *findings) excuse(k *file.Check, r *result.Check) {
	if !r.NoData || !f.undue(k) {
		return
	}
	r.Pass, r.Note = true, "nothing was due"
}

func (f *findings) undue(k *file.Check) bool {
	all := seconds{all: true}
	family, _, _ := strings.Cut(k.Metric, ".")
	if k.Kind == file.Valid && (k.Stat == "achieved" || family == metric.Lag) {
		_, offered := f.sent(k, all)
		return offered == 0
	}
	if f.t.spec.Quick == 0 {
		return false
	}
	switch family {
	case metric.Delivery, "fanout":
		return f.account(k.Labels, k.Phase, all).Expected == 0
	case metric.Ack:
		return f.attempts(&file.Check{Metric: "ack", Labels: k.Labels}, &scope{phase: k.Phase}) == 0
	}
	return false
}
