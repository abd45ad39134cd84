package file

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds that no text makes the reader panic or hang, that every
// error names a place, and that what is accepted is usable.
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
			if len(c.Spec.Groups) == 0 || len(c.Spec.Phases) == 0 || len(c.Spec.Valid) == 0 || c.Trial < 1 {
				t.Fatalf("an unusable cell: %+v", c.Spec)
			}
			if p := c.Spec.Plan(); p.Clients < 0 || p.Offered < 0 || p.Deliveries < 0 || p.Duration <= 0 {
				t.Fatalf("an impossible plan: %+v", p)
			}
			for _, g := range c.Spec.Groups {
				for _, s := range g.Send {
					if s.Size < MinSize && s.Expect != "none" || s.Size < 1 || !(s.Rate > 0) || s.Op == "" || s.Expect == "" || s.Per == "" {
						t.Fatalf("an unusable stream: %+v", s)
					}
				}
			}
		}
		if len(file.Cells()) > 20 {
			return // comparing them would take most of the fuzzing
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
