package program

import (
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

// What is no flag is refused, and not left out in silence.
func TestParse(t *testing.T) {
	for _, c := range []struct{ args, err string }{{"", ""}, {"--n 2", ""}, {"2", `argument "2" is unknown`}, {"--n 2 more", `argument "more" is unknown`}, {"--m 2", "-m"}} {
		f := flag.NewFlagSet("test", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		f.Int("n", 1, "a number")
		if err := Parse(f, strings.Fields(c.args)); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.args, err, c.err)
		}
	}
}

// A choice keeps its default until it is given, takes each name once, and says what there is.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
		err  string
	}{
		{nil, "a b", ""},
		{[]string{"--names", "c"}, "c", ""},
		{[]string{"--names=b, a,b"}, "b a", ""},
		{[]string{"--names", "a,d"}, "a b", `there is no "d"; there are a, b, c`},
		{[]string{"--names", ","}, "a b", "it is empty; name some of a, b, c"},
	} {
		names := []string{"a", "b"}
		f := flag.NewFlagSet("test", flag.ContinueOnError)
		var help strings.Builder
		f.SetOutput(io.Discard)
		f.Var(Choice(&names, "a", "b", "c"), "names", "what to take")
		err := f.Parse(c.args)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.args, err, c.err)
		}
		if !slices.Equal(names, strings.Fields(c.want)) {
			t.Errorf("%q: %q, want %s", c.args, names, c.want)
		}
		f.SetOutput(&help)
		f.PrintDefaults()
		if !strings.Contains(help.String(), "(default a,b)") {
			t.Errorf("the help does not show the default:\n%s", &help)
		}
	}
}
