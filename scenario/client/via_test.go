package client

import (
	"crypto/tls"
	"net"
	"testing"
)

// A connection that goes by way of another address asks for the URL's host all the same, also in TLS,
// whether or not that verifies the certificate.
func TestViaKeepsTheHost(t *testing.T) {
	t.Parallel()
	for _, insecure := range []bool{false, true} {
		for url, secure := range map[string]bool{"http://chat.example:8080": false, "https://chat.example:8080": true} {
			got, err := newTarget(&Config{URL: url, Via: "127.0.0.1:9", TLS: &tls.Config{InsecureSkipVerify: insecure}})
			if err != nil {
				t.Fatal(err)
			}
			if got.addr != "127.0.0.1:9" || got.host != net.JoinHostPort("chat.example", "8080") || secure != (got.tls != nil) || secure && got.tls.ServerName != "chat.example" {
				t.Errorf("%s: %+v", url, got)
			}
		}
	}
}
