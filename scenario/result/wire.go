package result

// Wire is what one transport carried in the recorded phases, as its clients counted it
// above TCP: websocket frames, HTTP heads and bodies, TLS records, heartbeats and empty polls
// included; the headers of TCP and IP are not. A message is a delivery or an
// acknowledgement that arrived. Bytes are counted by when they passed, Messages by
// when they were due, as in the ledger; bytes per message are of the same seconds.
type Wire struct {
	Messages      int64   `json:"messages"`
	BytesIn       int64   `json:"bytes_in"`          // from the server to its clients
	BytesOut      int64   `json:"bytes_out"`         // from the clients
	PerMessage    float64 `json:"bytes_per_message"` // both ways; 0 without messages
	InPerMessage  float64 `json:"bytes_in_per_message"`
	OutPerMessage float64 `json:"bytes_out_per_message"`
}
