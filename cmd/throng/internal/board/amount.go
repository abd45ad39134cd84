package board

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Clock writes seconds as minutes and seconds, or with hours in front.
func Clock(seconds float64) string {
	s := int(math.Max(0, seconds))
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Amount writes a percentile of Latency: "-" for too few samples, "> 5 s" when it is more.
func Amount(us int64, beyond bool) string {
	switch s := metric.FormatDuration(time.Duration(us) * time.Microsecond); {
	case us == 0:
		return "-"
	case beyond:
		return "> " + s
	default:
		return s
	}
}

// Label names a trial of a matrix: its parameters in alphabetic order, and its number from the
// second on.
func Label(params map[string]string, trial int) string {
	all := result.ParamList(params)
	if trial > 1 {
		all = append(all, fmt.Sprintf("trial %d", trial))
	}
	return strings.Join(all, " ")
}
