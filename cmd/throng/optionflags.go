package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/server"
)

// optionFlags defines a flag for each field of opts whose tags name the group and a help; see
// server.Options. A flag that is not given leaves its field alone, and the server its default.
func optionFlags(f *pflag.FlagSet, opts *server.Options, group string) {
	for field, v := range reflect.ValueOf(opts).Elem().Fields() {
		switch {
		case field.Tag.Get("group") != group:
		case v.Kind() == reflect.Struct:
			for field, v := range v.Fields() {
				optionFlag(f, field, v)
			}
		default:
			optionFlag(f, field, v)
		}
	}
}

func optionFlag(f *pflag.FlagSet, field reflect.StructField, v reflect.Value) {
	name, help, byDefault := flagOf(field.Name), field.Tag.Get("help"), field.Tag.Get("default")
	switch p := v.Addr().Interface().(type) {
	case *bool:
		f.BoolVar(p, name, false, help)
	case *string:
		f.StringVar(p, name, "", help)
	case *[]string:
		f.StringSliceVar(p, name, nil, help)
	case *time.Duration:
		f.Var(duration{p}, name, help)
	case *socketio.Parser:
		f.Var(parserFlag{p}, name, help)
	case *int:
		if strings.HasSuffix(byDefault, "B") {
			f.Var(size{p}, name, help)
		} else {
			f.Var(count{p}, name, help)
		}
	default:
		panic(fmt.Sprintf("server.Options: no kind of flag for the %T of %s", p, field.Name))
	}
	if byDefault != "" {
		f.Lookup(name).DefValue = byDefault
	}
}

// specialFlags are the flags of serve that belong to options without help in their tags.
var specialFlags = map[string]string{
	"CORS.Origins":              "cors-origin",
	"Cookie.Name":               "cookie",
	"Client":                    "client-dir",
	"Hosts":                     "allowed-host",
	"Recovery.MaxDisconnection": "recovery",
}

// flagOf is the name of the flag that sets an option of the server: Times.PingTimeout is set by
// ping-timeout. Capitals that follow each other are one word: AllowEIO3 is allow-eio3.
func flagOf(option string) string {
	if name, ok := specialFlags[option]; ok {
		return name
	}
	option = strings.TrimPrefix(strings.TrimPrefix(option, "Times."), "Limits.")
	var b strings.Builder
	letters := []rune(option)
	for i, r := range letters {
		begins := i > 0 && unicode.IsUpper(r) && letters[i-1] != '.' &&
			(unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		switch {
		case r == '.':
			r = '-'
		case begins:
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// namingFlags names the flag of an option that the server refuses.
func namingFlags(err error) error {
	if refused, ok := errors.AsType[*server.OptionError](err); ok {
		return fmt.Errorf("--%s %s", flagOf(refused.Option), refused.Problem)
	}
	return err
}

// count is a flag for a number from 1.
type count struct{ n *int }

func (v count) String() string {
	if v.n == nil || *v.n == 0 {
		return ""
	}
	return strconv.Itoa(*v.n)
}

func (v count) Type() string { return "int" }

func (v count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return errors.New("write a whole number from 1")
	}
	*v.n = n
	return nil
}

// size is a flag for a number of bytes: plain, or with a unit as in scenario files.
type size struct{ n *int }

func (v size) String() string {
	if v.n == nil || *v.n == 0 {
		return ""
	}
	return file.FormatSize(float64(*v.n))
}

func (v size) Type() string { return "size" }

func (v size) Set(s string) error {
	if strings.Trim(s, "0123456789") == "" {
		s += "B"
	}
	n, ok := file.ParseSize(s)
	if !ok || n < 1 {
		return errors.New("write a size such as 65536, 64KiB or 4MiB")
	}
	*v.n = n
	return nil
}

// duration is a flag for a time. A plain number means milliseconds, as in Socket.IO's options.
type duration struct{ d *time.Duration }

func (v duration) String() string {
	if v.d == nil || *v.d == 0 {
		return ""
	}
	return v.d.String()
}

func (v duration) Type() string { return "duration" }

func (v duration) Set(s string) error {
	if ms, err := strconv.ParseInt(s, 10, 32); err == nil {
		s = strconv.FormatInt(ms, 10) + "ms"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errors.New("write a positive duration such as 300ms or 25s")
	}
	*v.d = d
	return nil
}

// parserFlag is a flag with the name of a parser.
type parserFlag struct{ p *socketio.Parser }

func (v parserFlag) String() string {
	if v.p == nil {
		return ""
	}
	return v.p.String()
}

func (v parserFlag) Type() string { return "string" }

func (v parserFlag) Set(s string) error {
	for _, p := range []socketio.Parser{socketio.JSON, socketio.MessagePack} {
		if p.String() == s {
			*v.p = p
			return nil
		}
	}
	return errors.New("use json or msgpack")
}
