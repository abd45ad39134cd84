package server

import "fmt"

// OptionError says which field of Options New refuses, and why.
type OptionError struct {
	Option  string // its name in Options, such as "PingTimeout" or "CORS.Credentials"
	Problem string // what is wrong with its value, and what to do
}

func (e *OptionError) Error() string { return "server: " + e.Option + " " + e.Problem }

// refuse makes an OptionError.
func refuse(option, format string, args ...any) error {
	return &OptionError{option, fmt.Sprintf(format, args...)}
}
