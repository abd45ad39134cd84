package hostname

import (
	"strings"
	"testing"
)

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:3000": true, "localhost.": true, "localhost.:80": true, "a.localhost:1": true,
		"127.0.0.1": true, "127.0.0.1:3000": true, "127.8.8.8": true, "::1": true, "[::1]": true, "[::1]:3000": true, "[::ffff:127.0.0.1]:1": true,
		"": false, ":3000": false, ".": false, "evil.example": false, "localhost.evil.example": false, "notlocalhost": false,
		"127.0.0.1.evil.example": false, "127.0.0.1@evil.example": false, "evil.example:127.0.0.1": false,
		"0.0.0.0": false, "[::]:80": false, "10.0.0.1": false, "2130706433": false, "localhost/": false, "localhost evil": false, "..": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestAllowed(t *testing.T) {
	names := []string{"Chat.example.com", "[2001:db8::1]", "192.0.2.1", ""}
	for host, want := range map[string]bool{
		"chat.example.com": true, "CHAT.example.com.:8443": true, "[2001:db8::1]:80": true, "192.0.2.1:1": true, "localhost:1": true,
		"": false, ":80": false, "example.com": false, "x.chat.example.com": false, "chat.example.com.evil.example": false, "192.0.2.2": false,
	} {
		if got := Allowed(host, names); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestCheck(t *testing.T) {
	names := []string{"Chat.example.com", "chat.example.com.", "a_b", "chat.example.com:8443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", "192.0.2.1:80", "xn--bcher-kva.example", ""}
	if err := Check(names); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"http://a", "https://chat.example.com:8443", "*.example.com", ".example.com", "*", "a/b", "a b", "u@a", "a:b:c", "10.0.0.0/8"} {
		if err := Check(append([]string{"a"}, name)); err == nil || !strings.Contains(err.Error(), `"`+name+`" is no name of a host`) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
