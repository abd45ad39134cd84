// Package address shows and checks the addresses of servers and brokers, which may hold passwords.
package address

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// reScheme is the beginning of a URL.
var reScheme = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://`)

// reHTTP is the schemes of addresses that have paths.
var reHTTP = regexp.MustCompile(`^(http|ws)s?$`)

// hidden stands in the place of what an address does not show.
const hidden = "***"

// Hide is an address as messages, logs and results show it: with asterisks in the place of a user,
// a password or a token. It need not be a URL: of a misspelt one as much is hidden as may belong to
// a password.
func Hide(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address
	}
	scheme, _, found := strings.Cut(address[:i], "://")
	if !found {
		return hidden + address[i:]
	}
	return scheme + "://" + hidden + address[i:]
}

// HideQuery is Hide for an address that is to have no query: one may hold a token, and asterisks
// stand in its place as well.
func HideQuery(address string) string {
	before, _, found := strings.Cut(Hide(address), "?")
	if found {
		before += "?" + hidden
	}
	return before
}

// HideAll hides the users of the addresses in a text, such as an argument of a command. An address
// ends at a blank, or at the quote that stands before it: other quotes may belong to a password. An
// @ in the path of a proper URL of HTTP, which names a host, is no user's. Addresses of brokers
// have no such paths: there it stands behind a password with a slash.
func HideAll(text string) string {
	var b strings.Builder
	for {
		at := reScheme.FindStringIndex(text)
		if at == nil {
			return b.String() + text
		}
		b.WriteString(text[:at[0]])
		ends := " \t\r\n"
		if before := text[:at[0]]; before != "" && strings.ContainsAny(before[len(before)-1:], "\"'`") {
			ends += before[len(before)-1:]
		}
		text = text[at[0]:]
		end := len(text)
		if i := strings.IndexAny(text, ends); i >= 0 {
			end = i
		}
		if next := reScheme.FindStringIndex(text[at[1]-at[0]:]); next != nil {
			end = min(end, next[0]+at[1]-at[0])
		}
		one := text[:end]
		if u, err := url.Parse(one); err != nil || u.User != nil || u.Hostname() == "" || !reHTTP.MatchString(u.Scheme) {
			one = Hide(one)
		}
		b.WriteString(one)
		text = text[end:]
	}
}

// CheckParameters refuses an address with a parameter, behind its question mark, that is none of
// those known: a misspelt one would do nothing.
func CheckParameters(u *url.URL, known ...string) error {
	given, err := url.ParseQuery(u.RawQuery)
	if err != nil { // whose text may be half a password
		return errors.New("what stands behind the question mark of the address is not NAME=VALUE&NAME=VALUE; write %XX for a character that does not belong to that")
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the address has no parameter %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
