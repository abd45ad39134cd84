package file

// beyondSchema lists the bad files that the schema accepts, by the reason why a schema cannot
// refuse them or why only the parser does.
var beyondSchema = map[string][]string{
	"a check and what it names stand in different places": {
		"check-label-group", "check-label-nothing", "check-phase", "check-phase-near", "check-no-acks", "check-echo-fanout", "check-quoted-position", "check-loss-of-volatile", "check-no-slow",
	},
	"the unit and the labels of a check depend on its metric, all in one text": {
		"check-bytes", "check-errors-share-over", "check-recovered", "check-growth-of", "check-growth-over", "check-label-errors", "check-label-decile", "check-label-phase", "check-label-read", "check-label-transport", "check-label-of-cpu", "check-label-op-of-connect", "check-loss-fraction", "check-no-metric", "check-no-unit",
		"check-over", "check-pair", "check-percentile-0", "check-share-number", "check-wrong-unit",
	},
	"a value with a variable has no form before it is substituted": {
		"flow-not-captured", "environment", "mustache", "binary-inside", "before-once-index", "before-unknown-name", "namespace-own-form", "contract-no-payload", "contract-room-in-join", "data-feeder-unknown", "data-in-count",
		"client-index-misplaced", "data-variable", "matrix-unknown-variable", "room-variable", "unknown-variable", "unknown-variable-dollar",
		"variable-circle", "variable-wrong-type", "matrix-fanout-breaks", "matrix-some-cells", "matrix-value-breaks", "matrix-unused-axis",
	},
	"a schema does not compile a regular expression": {
		"before-match",
	},
	"a YAML reader makes a plain number of it before the schema sees it": {
		"count-hex", "count-octal", "count-underscore", "seed-hex",
	},
	"a pattern knows the form of a value with a unit, not its amount": {
		"count-huge", "rooms-move-unit", "rooms-size-zipf", "duration-huge", "duration-zero", "rate-huge", "rate-zero", "size-fraction", "size-over-built-in", "size-small", "size-zero", "ramp-over",
		"sample-every",
	},
	"values that stand apart must fit together": {
		"bare-adapter", "bare-recovery", "before-emit", "namespace-own-others", "before-redirect-status", "flow-capture-header", "flow-start-phase", "flow-forever-spins", "flow-every-once",
		"check-gap-of-poisson", "replay-two-logs", "compression", "compression-sse",
		"check-step-nothing", "flow-capture-from-nothing", "flow-capture-of-think", "flow-spins",
		"check-no-recovery", "check-server-no-sample", "no-phase-recorded", "recover-forgotten", "recover-msgpack", "engine3", "engine3-parser", "frames-keys", "frames-no-answer", "frames-no-contract", "frames-of-socketio", "http-of-socketio", "sse-groups", "sse-keys",
		"bare-broadcast", "bare-mixed", "baseline-mixed", "baseline-share", "baseline-socketio", "baseline-target", "binary-data", "namespace-of-stream", "parser-mixed",
		"check-decile-of-even", "rooms-move-nowhere",
		"contract-no-ack", "contract-no-all", "contract-payload-twice", "audience-keys", "audience-nobody", "group-data", "op-unknown", "operation-event", "operation-namespace", "operation-no-rooms", "operation-places", "operation-stream", "data-unused", "op-emit", "stream-data-no-place", "stream-data-size", "stream-emit-expect",
		"read-always", "read-nobody", "volatile-acked", "match-join", "match-payload",
		"expect-of-acked-echo", "expect-self-of-all", "matrix-exclude-all", "matrix-too-large", "fault-nobody", "fault-target", "fault-network-unix", "network-clients", "network-nobody", "network-peers", "webtransport-query", "webtransport-engine3", "webtransport-network", "webtransport-unix", "webtransport-proxy", "tls-hash-and-ca", "fault-nodes", "check-cross", "nobody", "per-room-of-all", "phase-twice", "ramp-too-short",
		"room-without-rooms", "rooms-join-too-many", "transport-shares",
	},
	"a pattern does not know the grammar of JSONPath": {
		"contract-stamp-index",
	},
	"what a search raises stands elsewhere, and its levels are of any kind": {
		"search-backwards", "search-even", "search-no-such-key", "search-not-numeric", "search-nothing", "search-settle", "search-share", "search-too-high",
		"search-units", "search-zero",
	},
	"a schema sees the first document, without its tags": {
		"tag", "two-documents",
	},
}
