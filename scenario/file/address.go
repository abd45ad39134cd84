package file

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/protocol/address"
)

// reAdapter is a broker by its kind, or by its address, which has no user: results show it.
var reAdapter = regexp.MustCompile(`^(none|nats(\+jetstream)?|redis(\+sharded|\+streams)?|((redis|rediss)(\+sharded|\+streams)?|(nats|tls)(\+jetstream)?)://[^@]+|unix(\+sharded|\+streams)?:///.+)$`)

func checkAdapter(s string) *flaw {
	if !reAdapter.MatchString(s) && strings.Contains(s, "@") {
		return &flaw{
			fmt.Sprintf("the address %q holds a user, and a scenario is shown to others", clip(address.Hide(s))),
			"leave it out, and set REDIS_USERNAME and REDIS_PASSWORD, or NATS_USER and NATS_PASSWORD, in the environment",
		}
	}
	return matches(reAdapter, "an adapter", "write redis, redis+sharded, redis+streams, nats, nats+jetstream, none, or the URL of a broker such as redis://host:6379")(s)
}

func checkURL(s string) *flaw {
	if path, unix := strings.CutPrefix(s, "unix:"); unix && path != "" {
		return nil
	}
	u, bad := serverURL(s, "write it like http://host:port (or https, ws, wss), or unix:/path/of.sock", "put queries and credentials in the groups' query, headers or auth")
	if bad == nil && strings.Trim(u.Path, "/") != "" {
		bad = &flaw{fmt.Sprintf("%q holds a path", clip(s)), "put it in path:, and a namespace in the group's namespace:"}
	}
	return bad
}

// ServerURL reads the address of a server. The error shows it without passwords, and says what to
// do: form is how to write an address, and more where what else it holds belongs.
func ServerURL(text, form, more string) (*url.URL, error) {
	u, bad := serverURL(text, form, more)
	if bad != nil {
		return nil, fmt.Errorf("%s; %s", bad.msg, bad.hint)
	}
	return u, nil
}

func serverURL(text, form, more string) (*url.URL, *flaw) {
	u, err := url.Parse(text)
	shown := clip(address.HideQuery(text))
	switch {
	case err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme):
		return nil, &flaw{fmt.Sprintf("%q is not the address of a server", shown), form}
	case !validPort(u.Port()):
		return nil, &flaw{fmt.Sprintf("%q has no such port", shown), "write a port from 1 to 65535"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &flaw{fmt.Sprintf("%q holds more than an address", shown), more}
	}
	return u, nil
}

// validPort reports whether the port of an address, if it has one, can be connected to.
func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n >= 1 && n <= 65535
}
