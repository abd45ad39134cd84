package result

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// filled returns a Run in which every text, keys of maps included, is text(its number), every list
// has an element and every number is 1. A field of a few words has the last of them.
func filled(text func(i int) string) *Run {
	r, n := new(Run), 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			n++
			v.SetString(text(n))
		case reflect.Int, reflect.Int64:
			v.SetInt(1)
		case reflect.Uint64:
			v.SetUint(1)
		case reflect.Float64:
			v.SetFloat(1)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			for i := range 2 {
				fill(v.Index(i))
			}
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			for range 2 {
				k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(k)
				fill(e)
				v.SetMapIndex(k, e)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				switch f := v.Type().Field(i); {
				case wordsOf(f) != nil:
					v.Field(i).SetString(wordsOf(f)[len(wordsOf(f))-1])
				case f.IsExported():
					fill(v.Field(i))
				}
			}
		}
	}
	fill(reflect.ValueOf(r).Elem())
	return r
}

// texts returns every text of a run.
func texts(r *Run) (all []string) {
	w := walk{text: func(_ func() string, s string, _ int) (string, error) {
		all = append(all, s)
		return s, nil
	}}
	_ = w.value(reflect.ValueOf(r).Elem(), nil, 0)
	return all
}

// TestCleanReachesEveryText: in memory, in the file, and when a file that others wrote is read.
func TestCleanReachesEveryText(t *testing.T) {
	hostile := func(i int) string { return fmt.Sprintf("%d\nverdict: pass\x1b[2J\u202e", i) }
	clean := func(of string, r *Run) {
		t.Helper()
		all := texts(r)
		if len(all) < 100 {
			t.Fatalf("%s: only %d texts are found", of, len(all))
		}
		for _, s := range all {
			if s != Line(s) {
				t.Errorf("%s: %q is left", of, s)
			}
		}
	}
	r := filled(hostile)
	shared := r.Cells[0].Params
	r.Clean()
	clean("in memory", r)
	for k := range shared {
		if Line(k) == k {
			t.Errorf("the key %q was changed in a map that others may read", k)
		}
	}
	r = filled(hostile)
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	clean("written", r)
	r = filled(hostile)
	r.Format = Format
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := Parse("result.json", text)
	if err != nil {
		t.Fatal(err)
	}
	clean("read", read)
	again, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	clean("read back", again)
}

// TestParseRefusesWhatIsTooLarge: a result from somebody else must not take minutes to draw.
func TestParseRefusesWhatIsTooLarge(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	list := func(n int, of string) string { return "[" + strings.TrimSuffix(strings.Repeat(of+",", n), ",") + "]" }
	keys := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf("%q:1", fmt.Sprint(i)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	for text, want := range map[string]string{
		`"scenario":"` + long + `","cells":[]`:                               "scenario has 5242880 bytes, and at most 4096 are taken",
		`"cells":[{"reason":"` + long + `"}]`:                                "cells[0].reason has 5242880 bytes",
		`"cells":[{"latency":{"` + long + `":{"n":1}}}]`:                     "has 5242880 bytes, and at most 512 are taken",
		`"cells":[{"latency":{"ack":{"n":1,"hdr":"` + long + `"}}}]`:         "cells[0].latency.ack.hdr has 5242880 bytes, and at most 1048576",
		`"cells":[{"params":{"a":"` + long + `"}}]`:                          "cells[0].params.a has 5242880 bytes",
		`"cells":[{"errors":` + keys(maxEntries+1) + `}]`:                    "cells[0].errors has 4097 entries",
		`"cells":` + list(maxCells+1, "{}"):                                  "cells has 20001 entries",
		`"cells":[{"timeline":` + list(maxItems+1, "{}") + `}]`:              "cells[0].timeline has 1048577 entries",
		`"cells":[{"timeline":[{"latency":{"a":{"heat":"` + long + `"}}}]}]`: "cells[0].timeline[0].latency.a.heat has 5242880 bytes",
		`"cells":[{}],"capacity":{"probes":[{"cell":1},{"cell":2}]}`:         "capacity.probes[1].cell is 2, and there are 1 cells",
		`"cells":[],"capacity":{"probes":[{"cell":-1}]}`:                     "capacity.probes[0].cell is -1",
		`"warnings":["a","` + long + `"],"cells":[]`:                         "warnings[1] has 5242880 bytes",
	} {
		_, err := Parse("result.json", []byte(`{"format":1,`+text+`}`))
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.60s: %.500v, want %s", text, err, want)
		}
	}
	if _, err := Parse("r", []byte(`{"format":1,"scenario":"`+strings.Repeat("x", MaxText)+`","cells":[]}`)); err != nil {
		t.Errorf("a text of the most that is taken: %v", err)
	}
}

// A word that this version does not know stands for something that it does not know: it must not
// pass for one that it does.
func TestParseRefusesUnknownWords(t *testing.T) {
	for text, want := range map[string]string{
		`"verdict":"passed","cells":[]`:                                          `verdict is "passed", and can be pass, fail, invalid`,
		`"cells":[{},{"verdict":"ok"}]`:                                          `cells[1].verdict is "ok"`,
		`"cells":[{"checks":[{"kind":"must"}]}]`:                                 `cells[0].checks[0].kind is "must", and can be slo, valid`,
		`"cells":[{"checks":[{"op":"=<"}]}]`:                                     `cells[0].checks[0].op is "=<", and can be <, <=, ==, >=, >`,
		`"cells":[{"evidence":{"ending":"crashed"}}]`:                            `cells[0].evidence.ending is "crashed"`,
		`"cells":[{"evidence":{"series":[{"cross":"maybe"}]}}]`:                  `cells[0].evidence.series[0].cross is "maybe"`,
		`"cells":[{"fault_acts":[{"kind":"shell"}]}]`:                            `cells[0].fault_acts[0].kind is "shell"`,
		`"cells":[{"network":{"rows":[{"direction":"left"}]}}]`:                  `cells[0].network.rows[0].direction is "left"`,
		`"cells":[],"capacity":{"end":"at most"}`:                                `capacity.end is "at most", and can be found, at least`,
		`"cells":[],"capacity":{"end":"found","probes":[{"kind":"try"}]}`:        `capacity.probes[0].kind is "try"`,
		`"cells":[],"capacity":{"end":"at least","probes":[{"verdict":"pass"}]}`: `capacity.probes[0].verdict is "pass"`,
	} {
		_, err := Parse("result.json", []byte(`{"format":1,`+text+`}`))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, f := range []struct {
		of    any
		field string
		words []string
	}{
		{Run{}, "Verdict", []string{string(Pass), string(Fail), string(Invalid)}},
		{Check{}, "Kind", []string{KindSLO, KindValid}},
	} {
		at, _ := reflect.TypeOf(f.of).FieldByName(f.field)
		if got := wordsOf(at); !slices.Equal(got, f.words) {
			t.Errorf("%s can be %q, want %q", f.field, got, f.words)
		}
	}
}

// TestReadRefusesWhatIsNoFile: a device or a fifo under the name of a result would be read without
// end.
func TestReadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/zero", filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() (*Run, error){
		"Read":   func() (*Run, error) { return Read(dir) },
		"ReadFS": func() (*Run, error) { return ReadFS(os.DirFS(dir), ".") },
	} {
		if _, err := read(); err == nil || !strings.Contains(err.Error(), "must be a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	huge := filepath.Join(t.TempDir(), FileName)
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxFile + 1); err != nil { // a hole: it takes no room
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := Read(huge); err == nil || !strings.Contains(err.Error(), "at most 1073741824") {
		t.Errorf("a file that is too large: %v", err)
	}
}

// TestHistogramOfAnotherShape: a few bytes may stand for a histogram of 50 MB.
func TestHistogramOfAnotherShape(t *testing.T) {
	h := hdrhistogram.New(1, 1<<60, 5)
	if err := h.RecordValue(7); err != nil {
		t.Fatal(err)
	}
	packed, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(packed), "", "AAAA", "not base64!", string(packed[:40])} {
		l := &Latency{N: 1, HDR: text}
		if h, err := l.Histogram(); err == nil {
			t.Errorf("%.20s gives a histogram of %d samples", text, h.TotalCount())
		}
	}
}

// A packed histogram is no text to be shortened, however many values it has: also what was waited
// for operations that never ended is read as it was written.
func TestCleanKeepsHistograms(t *testing.T) {
	h := NewHistogram()
	rng := rand.New(rand.NewPCG(1, 2))
	for us := int64(1); us < 3_000_000_000; us += 1 + us/500 {
		_ = h.RecordValues(us, rng.Int64N(1000)+1)
	}
	run := &Run{Cells: []Cell{{Latency: map[string]*Latency{"connect": Samples{Ended: h, Never: h}.Latency()}}}}
	if l := run.Cells[0].Latency["connect"]; len(l.HDR) <= MaxText || len(l.NeverHDR) <= MaxText {
		t.Fatalf("the histograms have %d and %d bytes, which is no more than a text has", len(l.HDR), len(l.NeverHDR))
	}
	dir := t.TempDir()
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	back, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := back.Cells[0].Latency["connect"].Samples()
	if err != nil || !all.Ended.Equals(h) || !all.Never.Equals(h) {
		t.Errorf("%v: %d and %d samples, want %d", err, all.Count(), all.Total()-all.Count(), h.TotalCount())
	}
}
