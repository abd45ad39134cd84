package client

import (
	"crypto/tls"
	"net"
	"testing"
)

// The zone of an address is this machine's affair: the server is asked for the address alone.
func TestZoneIsNotTold(t *testing.T) {
	t.Parallel()
	got, err := newTarget(&Config{URL: "https://[fe80::1%25eth0]:3000"})
	if err != nil {
		t.Fatal(err)
	}
	if got.addr != "[fe80::1%eth0]:3000" || got.host != "[fe80::1]:3000" || got.h3.authority != got.host || got.tls.ServerName != "fe80::1" {
		t.Errorf("%+v, server name %q", got, got.tls.ServerName)
	}
}

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
