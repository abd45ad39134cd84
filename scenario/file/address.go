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
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme):
		return &flaw{fmt.Sprintf("%q is not the address of a server", clip(address.HideQuery(s))), "write it like http://host:port (or https, ws, wss), or unix:/path/of.sock"}
	case !ValidPort(u):
		return &flaw{fmt.Sprintf("%q has no such port", clip(address.HideQuery(s))), "write a port from 1 to 65535"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &flaw{fmt.Sprintf("%q holds more than an address", clip(address.HideQuery(s))), "put queries and credentials in the groups' query, headers or auth"}
	case strings.Trim(u.Path, "/") != "":
		return &flaw{fmt.Sprintf("%q holds a path", clip(address.HideQuery(s))), "put it in path:, and a namespace in the group's namespace:"}
	}
	return nil
}

// ValidPort reports whether the port of an address, if it has one, can be connected to.
func ValidPort(u *url.URL) bool {
	n, err := strconv.Atoi(u.Port())
	return u.Port() == "" || err == nil && n >= 1 && n <= 65535
}
