package file

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse checks that no text makes the reader panic or hang, that every error names a place, and
// that accepted files are usable.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml", "../../scenarios/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, "", "")
		}
	}
	f.Add([]byte(small), "groups.b.send.tick.rate", "5/s")
	f.Add([]byte(small), "n", "[{a: 1}]")
	f.Fuzz(func(t *testing.T, text []byte, key, val string) {
		var set map[string]string
		if key != "" {
			set = map[string]string{key: val}
		}
		file, err := Parse("f.yaml", text, set)
		if err != nil {
			mistakes(t, err)
			return
		}
		for _, c := range file.Cells() {
			usable(t, c)
		}
		if len(file.Cells()) > 20 {
			return // comparing them would take most of the fuzzing
		}
		if err := validNumbers(reflect.ValueOf(file.Spec), "Spec"); err != nil {
			t.Fatal(err)
		}
		if text, err := file.Resolved("", ""); err == nil {
			if _, err := Parse("f.yaml", text, nil); err != nil {
				t.Fatalf("resolved it is refused: %v\n%s", err, text)
			}
		}
		again, err := Parse("f.yaml", text, set)
		if err != nil {
			t.Fatalf("accepted once, then: %v", err)
		}
		if diff := cmp.Diff(file, again, cmp.AllowUnexported(File{}, ColumnUse{}, reading{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// usable fails on a cell that a runner could not run.
func usable(t *testing.T, c Cell) {
	t.Helper()
	if len(c.Spec.Groups) == 0 || len(c.Spec.Phases) == 0 || len(c.Spec.Valid) == 0 || c.Trial < 1 {
		t.Fatalf("an unusable cell: %+v", c.Spec)
	}
	if p := c.Spec.Plan(); p.Clients < 0 || p.Offered < 0 || p.Deliveries < 0 || p.Duration <= 0 {
		t.Fatalf("an impossible plan: %+v", p)
	}
	for _, g := range c.Spec.Groups {
		for _, s := range g.Send {
			if least := s.LeastSize(); s.Size < least || s.Size < 1 || !(s.Rate > 0) && s.Replay == nil || s.Op == "" || s.Expect == "" || s.Per == "" {
				t.Fatalf("an unusable stream: %+v", s)
			}
		}
	}
}

// validNumbers returns an error when a number below v is negative or no number; a mean of a
// distribution may be infinite, its values not.
func validNumbers(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
			return fmt.Errorf("%s is %v", path, f)
		}
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 {
			return fmt.Errorf("%s is %d", path, v.Int())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return validNumbers(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := validNumbers(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if err := validNumbers(v.Field(i), path+"."+f.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A check that is taken is the same check in its own words, and one that is not names a place in it.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		"p99(delivery) < 100ms", "loss(delivery) == 0", "max(ack{group=a,op=x}) <= 1 m 30 s over 5s in load",
		"ratio(errors) < 1%", "errors(connect.refused) == 0", "p99.99(delivery{room_decile=10}) >= 1.5us", "growth(rss) < 10%",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, flaw, at := parseCheck(text)
		if at < 0 || at > len(text) {
			t.Fatalf("%q: place %d", text, at)
		}
		if flaw != nil {
			return
		}
		again, flaw, _ := parseCheck(c.Text)
		if flaw != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q is %+v, and in its words %q %+v, %v", text, c, c.Text, again, flaw)
		}
	})
}
