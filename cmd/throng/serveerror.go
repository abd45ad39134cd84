package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/throng-io/throng/server"
)

// optionFlags are the flags of serve whose names do not follow from the option they set.
var optionFlags = map[string]string{
	"CORS.Origins":              "cors-origin",
	"Cookie.Name":               "cookie",
	"Client":                    "client-dir",
	"NoHTTPCompression":         "no-http-compression",
	"Recovery.MaxDisconnection": "recovery",
}

// flagOf is the name of the flag that sets an option of the server: PingTimeout is set by ping-timeout.
func flagOf(option string) string {
	if name, ok := optionFlags[option]; ok {
		return name
	}
	var b strings.Builder
	word := rune('A')
	for i, r := range option {
		switch {
		case r == '.':
			b.WriteByte('-')
		case unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(word) && word != '.':
			b.WriteByte('-')
			fallthrough
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		word = r
	}
	return b.String()
}

// namingFlags says of an option that the server refuses by which flag it was given.
func namingFlags(err error) error {
	if refused, ok := errors.AsType[*server.OptionError](err); ok {
		return fmt.Errorf("--%s %s", flagOf(refused.Option), refused.Problem)
	}
	return err
}
