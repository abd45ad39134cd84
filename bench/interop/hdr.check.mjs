// The histogram logs and the packed histograms of a run, read by hdr-histogram-js: it finds the numbers that result.json gives.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const hdr = createRequire(import.meta.url)('hdr-histogram-js');
const [dir] = JSON.parse(process.env.PEER);
const run = JSON.parse(readFileSync(join(dir, 'result.json'), 'utf8'));
const percentiles = { p50_us: 50, p90_us: 90, p99_us: 99, p999_us: 99.9 };

function intervals(name) {
  const reader = new hdr.HistogramLogReader(readFileSync(join(dir, `${name}.hlog`), 'utf8'));
  const all = [];
  for (let next = reader.nextIntervalHistogram(); next; next = reader.nextIntervalHistogram()) all.push(next);
  return all;
}

run.cells.forEach((cell, i) => {
  const prefix = run.cells.length > 1 ? `cell-${String(i + 1).padStart(2, '0')}.` : '';
  describe(`cell ${i + 1}`, () => {
    for (const [metric, said] of Object.entries({ ...cell.latency, lag: cell.generator.lag })) {
      it(metric, () => {
        const all = intervals(prefix + metric);
        const recorded = all.filter((h) => !h.tag || h.tag === 'NO TAG');
        const sum = hdr.build({ bitBucketSize: 64, highestTrackableValue: 3.6e9, numberOfSignificantValueDigits: 3 });
        for (const h of recorded) sum.add(h);
        assert.equal(sum.totalCount, said.n, 'samples');
        assert.equal(sum.maxValue, said.max_us, 'the longest');
        const packed = hdr.decodeFromCompressedBase64(said.hdr, 64);
        for (const [field, p] of Object.entries(percentiles)) {
          assert.equal(packed.getValueAtPercentile(p), said[field], `${field} of the packed histogram`);
          assert.equal(sum.getValueAtPercentile(p), said[field], `${field} of the log`);
        }
        for (const h of all) assert.ok(recorded.includes(h) || ['warm', 'pause'].includes(h.tag), `tag ${h.tag}`);
      });
    }
    it('has steps of flows, and slow readers apart', () => {
      for (const metric of ['step', 'step.hello', 'delivery.slow']) assert.ok(cell.latency[metric]?.n > 0, metric);
    });
    it('has every phase and second in its place', () => {
      const all = intervals(`${prefix}delivery`);
      const seen = (tag) => all.filter((h) => h.tag === tag).reduce((n, h) => n + h.totalCount, 0);
      assert.ok(seen('warm') > 0 && seen('pause') > 0, 'phases that are not recorded have samples of their own');
      const started = Date.parse(cell.started);
      for (const h of all) {
        const at = (h.startTimeStampMsec - started) / 1000;
        assert.ok(Math.abs(at - Math.round(at)) < 0.002, `an interval begins ${at} s after the cell`);
      }
    });
  });
});
