package scenario

import (
	"fmt"
	"time"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// abort ends the trial when a check has been broken for as long as it says. It is called
// with what look returned, once a second.
func (s *standing) abort(checks []result.Check) {
	if s.since == nil {
		s.since = make([]int64, len(s.rules))
	}
	t, now := s.f.t, s.f.c.at
	for i := range s.rules {
		k := &s.rules[i]
		switch {
		case k.Abort == 0:
		case checks[i].Pass || checks[i].NoData:
			s.since[i] = 0
		case s.since[i] == 0:
			s.since[i] = now
		}
		if k.Abort > 0 && s.since[i] > 0 && now-s.since[i] >= int64(k.Abort) {
			select {
			case t.aborted <- fmt.Errorf("%s was broken for %s", k.Text, metric.FormatDuration(time.Duration(now-s.since[i]))):
			default: // it is ending already
			}
		}
	}
}
