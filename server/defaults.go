package server

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setDefaults gives the zero fields of o the values of their tags, and refuses negative numbers and
// durations without a unit.
func setDefaults(o *Options) error {
	if err := defaultsOf(reflect.ValueOf(o).Elem(), ""); err != nil {
		return err
	}
	if o.Recovery != nil {
		return defaultsOf(reflect.ValueOf(o.Recovery).Elem(), "Recovery.")
	}
	return nil
}

func defaultsOf(group reflect.Value, prefix string) error {
	for field, v := range group.Fields() {
		name := prefix + field.Name
		switch {
		case v.Kind() == reflect.Struct:
			if err := defaultsOf(v, name+"."); err != nil {
				return err
			}
			continue
		case v.CanInt() && v.Int() < 0:
			return refuse(name, "is %v; it must not be negative", v)
		case isUnitless(v):
			return refuse(name, "is %v; it must be at least 1ms (a number without a unit counts nanoseconds)", v)
		case v.Kind() == reflect.Slice && v.Len() > 0 || v.Kind() != reflect.Slice && !v.IsZero():
			continue
		}
		text, ok := field.Tag.Lookup("default")
		if !ok {
			continue
		}
		if err := parseDefault(v, text); err != nil {
			return fmt.Errorf("server: the tag of %s: %w", name, err)
		}
	}
	return nil
}

// isUnitless reports whether v is a duration that can only be meant as a number of milliseconds, as
// the official server takes it.
func isUnitless(v reflect.Value) bool {
	return v.Type() == reflect.TypeFor[time.Duration]() && v.Int() > 0 && v.Int() < int64(time.Millisecond)
}

// parseDefault sets v to the value of a tag.
func parseDefault(v reflect.Value, text string) error {
	switch field := v.Addr().Interface().(type) {
	case *string:
		*field = text
	case *[]string:
		*field = strings.Split(text, ",")
	case *time.Duration:
		d, err := time.ParseDuration(text)
		*field = d
		return err
	case *int:
		number := strings.TrimRight(text, "kMKiB")
		unit, ok := units[text[len(number):]]
		if !ok {
			return fmt.Errorf("%q has an unknown unit", text)
		}
		n, err := strconv.Atoi(number)
		*field = n * unit
		return err
	default:
		return fmt.Errorf("no default can be given for a %s", v.Type())
	}
	return nil
}

// units of the sizes in tags.
var units = map[string]int{"": 1, "B": 1, "kB": 1000, "MB": 1_000_000, "KiB": 1 << 10, "MiB": 1 << 20}
