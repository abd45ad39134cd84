package client

import "testing"

// Also below TLS, where a client cannot look before it reads.
func TestHeartbeatBelowTLS(t *testing.T) { foundLate(t, secure) }
