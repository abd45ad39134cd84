package file

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const hushed = `version: 1
name: hush
vars: {token: abc, pin: 1234, flag: true, n: 10, both: "${env.HUSH_KEY}/$token", plain: "$n"}
data: {users: {csv: u.csv}}
`

func TestSecretsAreHoles(t *testing.T) {
	t.Setenv("HUSH_KEY", `k"ey-1234`)
	f, err := Parse("x.yaml", []byte(hushed+`groups:
  a:
    count: $n
    auth: {a: $token, b: "is $token.", c: $pin, d: "$pin", e: $flag, f: "${env.HUSH_KEY}", g: $both, h: $plain, u: "${users.name}"}
    query: {q: "${env.HUSH_KEY}"}
    send: [{op: emit, event: x, rate: 1/s, data: {t: $token}}]
    flow: [{emit: [go, $token], ack: 1s, capture: {said: $}}, {http: {get: "/$both?$said"}}, {join: "room-$token"}]
    react: {x: {ack: $token, emit: [y, "${env.HUSH_KEY}"]}}
`), map[string]string{"token": "to<ken"}, "token", "pin", "flag")
	if err != nil {
		t.Fatal(err)
	}
	fill := func(tm Template) string {
		return string(tm.Append(nil, func(dst []byte, h Hole) []byte {
			d, ok := f.Spec.Secrets.Lookup(h.Name)
			if !ok {
				return append(dst, "<"+h.Name+">"...)
			}
			return d.Append(dst, h.Form)
		}))
	}
	g := f.Spec.Groups[0]
	for what, c := range map[string]struct {
		tm   Template
		want string
	}{
		"auth":   {g.Auth, `{"a":"to<ken","b":"is to<ken.","c":1234,"d":"1234","e":true,"f":"k\"ey-1234","g":"k\"ey-1234/to<ken","h":"10","u":"<users.name>"}`},
		"query":  {g.Query[0].Value, `k"ey-1234`},
		"data":   {g.Send[0].Data, `{"t":"to<ken"}`},
		"flow":   {g.Flow[0].Emit, `["go","to<ken"]`},
		"http":   {g.Flow[1].HTTP.URL, `/k%22ey-1234/to%3Cken?<said>`},
		"room":   {g.Flow[2].Room, "room-to<ken"},
		"ack":    {*g.React[0].Ack, `["to<ken"]`},
		"answer": {g.React[0].Emit, `["y","k\"ey-1234"]`},
	} {
		if got := fill(c.tm); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	if g.Flow[1].Name != "GET /*/*?*" {
		t.Errorf("the step is named %q", g.Flow[1].Name)
	}
	// However the Spec is printed, no value is in it.
	asJSON, err := json.Marshal(f.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", f.Spec, f.Spec, f.Spec, f.Spec.Secrets), string(asJSON), fmt.Sprintf("%+v", *f.Spec)} {
		for _, secret := range []string{"to<ken", "ey-1234", `to\u003cken`} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %.300s", secret, text)
			}
		}
	}
}

func TestSecretsWhereTheyCannotStand(t *testing.T) {
	t.Setenv("HUSH_KEY", "key-1234")
	t.Setenv("HUSH_EMPTY", "")
	t.Setenv("HUSH_SHORT", "abc")
	t.Setenv("HUSH_LINES", "abcd\nefgh")
	const places = "before, namespace, auth, query, headers, data, contract, flow, react, fault and sample"
	for text, want := range map[string]string{
		"groups: {a: {count: $token}}":                                        "x.yaml:5:21: the variable `token` is secret and cannot be used here; a secret can be used only in " + places,
		"groups: {a: {count: \"${env.HUSH_KEY}\"}}":                           "x.yaml:5:22: `${env.HUSH_KEY}` cannot be used here; it can be used only in " + places + "; pass values that are not secret with --set KEY=VALUE",
		"groups: {a: {count: $both}}":                                         "x.yaml:5:21: the variable `both` is secret and cannot be used here",
		"about: for $token\ngroups: {a: {count: 1}}":                          "x.yaml:5:12: the variable `token` is secret",
		"target: {url: \"http://${token}\"}\ngroups: {a: {count: 1}}":         "x.yaml:5:23: the variable `token` is secret",
		"matrix: {axes: {t: [$token]}}\ngroups: {a: {count: 1}}":              "x.yaml:5:21: the variable `token` is secret",
		"matrix: {axes: {t: [\"${env.HUSH_KEY}\"]}}\ngroups: {a: {count: 1}}": "x.yaml:5:22: `${env.HUSH_KEY}` cannot be used here",
		"groups: {a: {count: 1, auth: {t: \"${env.HUSH_NONE}\"}}}":            "x.yaml:5:35: the environment variable HUSH_NONE is not set; export it, or use a variable of vars:",
		"groups: {a: {count: 1, auth: {t: \"${env.HUSH_EMPTY}\"}}}":           "the environment variable HUSH_EMPTY is empty; give it a value",
		"groups: {a: {count: 1, auth: {t: \"${env.HUSH_SHORT}\"}}}":           "the environment variable HUSH_SHORT is too short for a secret, which must not be written anywhere; a secret has at least 4 characters",
		"groups: {a: {count: 1, auth: {t: \"${env.HUSH_LINES}\"}}}":           "the environment variable HUSH_LINES holds a line break or another control character; remove it",
		"groups: {a: {count: 1, auth: {t: \"${env.1}\"}}}":                    "\"1\" is not a name for an environment variable; write ${env.NAME}",
		"groups: {a: {count: 1, auth: {t: $flat}}}":                           "x.yaml:5:34: the variable `flat` is too short for a secret",
		"groups: {env: {count: 1, rooms: {of: 2, prefix: $token}}}":           "the variable `token` is secret",
		"slo: [\"p99(ack) < $token\"]\ngroups: {a: {count: 1}}":               "the variable `token` is secret",
		"groups: {a: {count: 1, flow: [{wait: {event: $token}}]}}":            "the variable `token` is secret",
	} {
		_, err := Parse("x.yaml", []byte("version: 1\nname: hush\nvars: {token: value-of-it, flat: abc, both: \"$token-1\"}\n\n"+text+"\n"), nil, "token", "flat")
		if err == nil {
			t.Errorf("%s is taken", text)
			continue
		}
		mistakes(t, err)
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "value-of-it") || strings.Contains(err.Error(), "key-1234") {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"vars: {env: 1}\ngroups: {a: {count: 1}}":              "the variable name `env` is taken",
		"data: {env: {csv: a.csv}}\ngroups: {a: {count: 1}}":   "the name `env` is taken",
		"groups: {a: {count: 1}}":                              "--secret token: the file has no variable `token`",
		"vars: {tokens: abcd}\ngroups: {a: {count: 1}}":        "--secret token: the file has no variable `token`; did you mean `tokens`?",
		"vars: {token: {a: 1}}\ngroups: {a: {count: $token}}":  "the variable `token` must be a single value",
		"vars: {token: \"x$token\"}\ngroups: {a: {count: 1}}":  "the variable `token` needs itself",
		"vars: {token: \"$x\", x: $}\ngroups: {b: {count: 1}}": "",
	} {
		_, err := Parse("x.yaml", []byte("version: 1\nname: hush\n"+text+"\n"), nil, "token")
		if err == nil && want != "" || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// Each combination of a matrix has its own values, and masks the values of all.
func TestSecretsOfAMatrix(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`version: 1
name: hush
vars: {token: "secret-of-${matrix.n}"}
matrix: {axes: {n: [1, 2]}}
groups: {a: {count: $matrix.n, auth: {t: $token}}}
`), nil, "token")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range f.Cells() {
		if d, ok := c.Spec.Secrets.Lookup("token"); !ok || d.Text != fmt.Sprintf("secret-of-%d", i+1) {
			t.Errorf("cell %d: %q", i, d.Text)
		}
		if got := c.Spec.Secrets.Mask("secret-of-1, secret-of-2"); got != "***, ***" {
			t.Errorf("cell %d: %s", i, got)
		}
	}
}

// The scenario as it was run is written beside its results: without the secrets, and so that it
// asks for them.
func TestResolvedHasNoSecrets(t *testing.T) {
	t.Setenv("HUSH_KEY", "key-1234")
	f, err := Parse("x.yaml", []byte(`version: 1
name: hush
vars: {token: value-in-file, who: "me-$token", n: 2}
groups: {a: {count: $n, auth: {t: $token, w: $who, e: "${env.HUSH_KEY}"}}}
`), map[string]string{"token": "value-of-set"}, "token")
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Resolved("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"value-of-set", "value-in-file", "key-1234"} {
		if strings.Contains(string(got), secret) {
			t.Errorf("%s is in\n%s", secret, got)
		}
	}
	if _, err := Parse("y.yaml", got, nil); err == nil || !strings.Contains(err.Error(), "the environment variable token is not set") {
		t.Errorf("it runs without its secret: %v\n%s", err, got)
	}
	t.Setenv("token", "value-of-env")
	again, err := Parse("y.yaml", got, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(f *File) string {
		return string(f.Spec.Groups[0].Auth.Append(nil, func(dst []byte, h Hole) []byte {
			d, _ := f.Spec.Secrets.Lookup(h.Name)
			return d.Append(dst, h.Form)
		}))
	}
	if got, want := fill(again), `{"t":"value-of-env","w":"me-value-of-env","e":"key-1234"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A search goes on with another secret, and with nothing else.
func TestFingerprintHasNoSecrets(t *testing.T) {
	print := func(set map[string]string, secret ...string) string {
		f, err := Parse("x.yaml", []byte("version: 1\nname: x\nvars: {token: abcd, n: 1}\ngroups: {a: {count: $n, auth: {t: $token}}}\n"), set, secret...)
		if err != nil {
			t.Fatal(err)
		}
		return f.Fingerprint()
	}
	a, b := print(map[string]string{"token": "first", "n": "2"}, "token"), print(map[string]string{"token": "second", "n": "2"}, "token")
	if a != b {
		t.Error("another secret is another search")
	}
	if a == print(map[string]string{"token": "first", "n": "3"}, "token") || print(map[string]string{"token": "first"}) == print(map[string]string{"token": "second"}) {
		t.Error("other values are the same search")
	}
}

// Whatever a secret is and wherever it comes again, it is not in the text that Mask returns; other
// text stays.
func TestMask(t *testing.T) {
	forms := map[string]func(string) string{
		"plain": func(s string) string { return s }, "JSON": jsonString, "Go": strconv.Quote, "query": url.QueryEscape, "path": url.PathEscape,
		"JSON in JSON": func(s string) string { return jsonString(`{"a":` + jsonString(s) + "}") },
		"HTML JSON":    func(s string) string { b, _ := json.Marshal(s); return string(b) },
	}
	secret := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9._~+/=-]{4,400}`), rapid.StringMatching(`[ -~é日]{4,40}`))
	around := rapid.StringMatching(`[ -~\n]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		s := secret.Draw(t, "secret")
		before, after := around.Draw(t, "before"), around.Draw(t, "after")
		for name, form := range forms {
			got := Mask(before+form(s)+after, s)
			if strings.Contains(got, s) && !strings.Contains(Masked, s) {
				t.Fatalf("%s: %q is in %q", name, s, got)
			}
			if !strings.Contains(got, Masked) {
				t.Fatalf("%s: nothing stands for %q in %q", name, s, got)
			}
		}
		if len(s) > enough {
			cut := s[:rapid.IntRange(enough, len(s)-1).Draw(t, "cut")]
			if got := Mask(before+cut, s); strings.Contains(got, cut) {
				t.Fatalf("the beginning %q is in %q", cut, got)
			}
		}
	})
	s := &Secrets{masks: &masks{}}
	if got := s.Mask("nothing to hide"); got != "nothing to hide" {
		t.Error(got)
	}
	if got := (*Secrets)(nil).Mask("nothing to hide"); got != "nothing to hide" {
		t.Error(got)
	}
	if got := Mask("a token=abcdefgh-12345, and abcdefgh", "abcdefgh-12345", "and"); got != "a token=***, and ***" {
		t.Error(got)
	}
}

func TestSecretsAreCompared(t *testing.T) {
	a := &Secrets{values: map[string]Datum{"a": textDatum("x")}}
	b := &Secrets{values: map[string]Datum{"a": textDatum("y")}}
	if !cmp.Equal(a, a) || cmp.Equal(a, b) || cmp.Equal(a, (*Secrets)(nil)) || !cmp.Equal((*Secrets)(nil), (*Secrets)(nil)) {
		t.Error("secrets are compared wrongly")
	}
}

// A password of the target's metrics comes from the environment, since a scenario is shown to
// others, and is in no text that is made of it.
func TestMetricsWithAPassword(t *testing.T) {
	const secret = "p@ss/w:rd #1"
	t.Setenv("HUSH_KEY", secret)
	parse := func(address string, secrets ...string) (*File, error) {
		return Parse("x.yaml", []byte("version: 1\nname: x\nvars: {key: open-sesame, address: \"http://me:word@h/metrics\"}\ntarget: {url: \"http://h:1\", sample: {prometheus: \""+address+"\"}}\ngroups: {a: {count: 1}}\n"), nil, secrets...)
	}
	f, err := parse("https://me:${env.HUSH_KEY}@h:9100/metrics?key=${env.HUSH_KEY}")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(f.Spec.MetricsURL())
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := u.User.Password(); got != secret || u.User.Username() != "me" || u.Host != "h:9100" || u.Path != "/metrics" || u.Query().Get("key") != secret {
		t.Errorf("the address is %q", u)
	}
	resolved, err := f.Resolved("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(resolved), fmt.Sprintf("%+v", *f.Spec.Target.Sample)} {
		if strings.Contains(text, "ss/w") || !strings.Contains(text, "env.HUSH_KEY") {
			t.Errorf("the secret, or nothing of it, is in %s", text)
		}
	}
	for address, want := range map[string]string{"http://${key}@h/metrics": "http://open-sesame@h/metrics", "$address": "http://me:word@h/metrics", "http://h/metrics": "http://h/metrics", "http://h/met%40rics": "http://h/met%40rics"} {
		if f, err = parse(address, "key", "address"); err != nil || f.Spec.MetricsURL() != want {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	for address, want := range map[string]string{
		"http://me:s3cret@h/metrics":                `the address "http://***@h/metrics" holds a user, and a scenario is shown to others; write http://NAME:${env.PASSWORD}@host/metrics`,
		"http://s3cret@h/metrics":                   "holds a user",
		"http://me:1/s3cret@h/metrics":              "holds a user",
		"http://${env.HUSH_KEY}:s3cret@h/metrics":   "holds a user",
		"http://h:9100/for@me?key=s3cret":           `holds a user, and a scenario is shown to others; write %40`,
		"http://me:half-${env.HUSH_KEY}@h/metrics":  "holds a user",
		"http:/h/metrics?token=s3cret":              `"http:/h/metrics?***" is not the address of metrics`,
		"h:9100/${env.HUSH_KEY}":                    "is not the address of metrics",
		"http://h/${client.index}":                  "`${client.index}` cannot be used here",
		"ftp://me:${env.HUSH_KEY}@h:21/metrics.txt": "is not the address of metrics",
	} {
		_, err := parse(address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "ss/w") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}
