package bus

import (
	"strings"
	"testing"
)

// What the environment says of Sentinel reaches its servers, and each server is known by its own
// name.
func TestSentinelOverTLS(t *testing.T) {
	for name, value := range map[string]string{
		"REDIS_USERNAME": "user", "REDIS_PASSWORD": "word", "REDIS_SENTINEL_USERNAME": "watcher", "REDIS_SENTINEL_PASSWORD": "other",
		"REDIS_CA": "", "REDIS_CERT": "", "REDIS_KEY": "",
	} {
		t.Setenv(name, value)
	}
	for address, secure := range map[string]bool{"rediss://a:1?addr=b:2&master_set=m": true, "redis://a:1?addr=b:2&master_set=m": false} {
		a, err := Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		o, err := a.redisOptions()
		if err != nil {
			t.Fatal(err)
		}
		if o.Username != "user" || o.Password != "word" || o.Sentinel.Username != "watcher" || o.Sentinel.Password != "other" {
			t.Errorf("%s: the servers get %s %s, Sentinel %s %s", address, o.Username, o.Password, o.Sentinel.Username, o.Sentinel.Password)
		}
		if (o.TLSConfig != nil) != secure || (o.Sentinel.TLSConfig != nil) != secure || secure && (o.TLSConfig.ServerName != "" || o.Sentinel.TLSConfig.InsecureSkipVerify) {
			t.Errorf("%s: TLS %+v, Sentinel %+v", address, o.TLSConfig, o.Sentinel.TLSConfig)
		}
	}
}

// What an address has behind its question mark is not passed over.
func TestParameters(t *testing.T) {
	for address, want := range map[string]string{
		"redis://a:1?addr=b:2&db=3&dial_timeout=1s&master_set=m&protocol=2&skip_verify=true&write_timeout=1s": "",
		"nats://a:1?addr=b:2":                "",
		"redis+streams://a:1?master-set=m":   `no parameter "master-set"`,
		"nats+jetstream://a:1?replicas=3":    `no parameter "replicas"; there are addr`,
		"unix+classic:///s":                  "unix+classic:// is no known kind of broker",
		"nats+jetstream+embedded://a:1":      "no known kind of broker",
		"nats+embedded+jetstream://a:1":      "",
		"rediss+sharded://a:1?max_retries=1": `no parameter "max_retries"`,
	} {
		_, err := Parse(address)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}
