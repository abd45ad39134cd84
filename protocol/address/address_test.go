package address

import (
	"net/url"
	"strings"
	"testing"
)

// No message shows what lets a process in, also of an address that is none.
func TestHide(t *testing.T) {
	for given, want := range map[string]string{
		"nats://h:4222":                     "nats://h:4222",
		"h:4222":                            "h:4222",
		"nats://user:secret@h:4222":         "nats://***@h:4222",
		"nats://secret@h:4222":              "nats://***@h:4222",
		"nats://user:sec/ret@h:4222":        "nats://***@h:4222",
		"nats://user:sec ret@h:4222":        "nats://***@h:4222",
		"nats://user:12/secret@h":           "nats://***@h",
		"nats://user:sec@ret@h":             "nats://***@h",
		"nats://u:secret@a,nats://u:word@b": "nats://***@b",
		"user:secret@h:4222":                "***@h:4222",
		"redis+streams://:secret@h?db=1":    "redis+streams://***@h?db=1",
	} {
		if got := Hide(given); got != want {
			t.Errorf("%s is shown as %s, not as %s", given, got, want)
		}
	}
}

func TestHideAll(t *testing.T) {
	for given, want := range map[string]string{
		"--nats=nats://u:secret@h:4222":                    "--nats=nats://***@h:4222",
		"nats://secret@a,nats://u:se/cret@b":               "nats://***@a,nats://***@b",
		"nats://a:1,u:secret@b:2":                          "nats://***@b:2",
		"node s.js --redis 'redis://:sec@ret@h' --by me@h": "node s.js --redis 'redis://***@h' --by me@h",
		"--nats=nats://u:pa'ss@h:1":                        "--nats=nats://***@h:1",
		"'redis://:pa\"ss@h' \"redis://:pa'ss@h\"":         "'redis://***@h' \"redis://***@h\"",
		"redis://:12/ab@h":                                 "redis://***@h",
		"--nats=nats://u:12/ss@h and nats://h:1/x":         "--nats=nats://***@h and nats://h:1/x",
		"redis+streams://u:12/s?s@h/0":                     "redis+streams://***@h/0",
		"http://h:3000/@me/x?mail=a@b":                     "http://h:3000/@me/x?mail=a@b",
		"see http://h and mail me@h":                       "see http://h and mail me@h",
		"me@h":                                             "me@h",
	} {
		if got := HideAll(given); got != want {
			t.Errorf("%s is shown as %s, not as %s", given, got, want)
		}
	}
}

func TestHideQuery(t *testing.T) {
	for given, want := range map[string]string{
		"http://h:1/path":          "http://h:1/path",
		"http://h?token=word":      "http://h?***",
		"http://h/?":               "http://h/?***",
		"http://u:wo?rd@h/?a=1":    "http://***@h/?***",
		"http://h?mail=u:word@b":   "http://***@b",
		"u:word@h:1?token=word?x=": "***@h:1?***",
	} {
		if got := HideQuery(given); got != want {
			t.Errorf("%s is shown as %s, not as %s", given, got, want)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	for given, want := range map[string]string{
		"nats://h":               "",
		"nats://h?addr=a&addr=b": "",
		"nats://h?b=1&a=1":       `the address has no parameter "a"; there are addr, db`,
		"nats://h?addr=%zz":      "behind the question mark",
		"nats://h?addr=1;db=2":   "behind the question mark",
	} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckParameters(u, "addr", "db")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", given, err, want)
		}
	}
}
