package charts

import (
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// CellFigures are the figures of one cell, without those it has no data for. Among several cells
// (prefix is not empty) the distributions are left to the comparing figures.
func CellFigures(prefix, scenario string, c *result.Cell, names []string) ([]*Figure, error) {
	sub := JoinSub(scenario, sentences.Population(c))
	var fs []*Figure
	add := func(f *Figure) {
		if f != nil {
			f.Alert = sentences.Alert(c)
			fs = append(fs, f)
		}
	}
	if prefix == "" {
		f, err := spectrum("spectrum", c, spectrumNames(names), sub)
		if err != nil {
			return nil, err
		}
		add(f)
	}
	for _, metricName := range []string{metric.Delivery, metric.Ack} {
		add(latencyTimeline(prefix+"latency-"+metricName, metricName, c, sub))
		if prefix == "" {
			add(heatMap("heat-"+metricName, metricName, c, sub))
		}
	}
	if prefix == "" {
		add(reach("reach", c, sub))
		add(receiverCurve("receivers", c, sub))
		add(completion("completion", c, sub))
		add(deliveryBySize("room-size", c, sub))
		add(ledgerWaterfall("ledger", c, sub))
		add(sloStrip("rules", c, sub))
	}
	add(recovery(prefix+"recovery", c, sub))
	add(connectRamp(prefix+"connects", c, sub))
	if len(c.Timeline) > 0 {
		add(generatorHealth(prefix+"generator", c, sub))
		add(serverResources(prefix+"server", c, sub))
	}
	return fs, nil
}

// spectrumNames leaves out of the spectrum what belongs to the ramp, unless there is nothing else.
func spectrumNames(names []string) []string {
	var kept []string
	for _, n := range names {
		if !selection.IsConnect(n) {
			kept = append(kept, n)
		}
	}
	if len(kept) == 0 {
		return names
	}
	return kept
}
