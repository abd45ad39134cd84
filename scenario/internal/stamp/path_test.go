package stamp

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
)

func TestLookup(t *testing.T) {
	const args = `{"body":"b","deep":{"list":[1,{"x y":"z"},null]}, "n" : 5}, [ "q" , true ]`
	for path, want := range map[string]string{
		"$[0].body": `"b"`, `$[0].deep.list[1]["x y"]`: `"z"`, "$[0].deep.list[2]": "null", "$[0].n": "5", "$[1][0]": `"q"`, "$[1][1]": "true",
		"$[0].deep.list": `[1,{"x y":"z"},null]`, "$": args,
		"$[2]": "", "$[0].none": "", "$[0][0]": "", "$[1].x": "", "$[0].body.x": "", "$[1][2]": "",
	} {
		f, err := file.Parse("x", []byte("version: 1\nname: x\ngroups: {a: {count: 1}}\ncontract: {stamp: '"+strings.ReplaceAll(path, "'", "''")+"'}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, found := Lookup([]byte(args), f.Spec.Contract.Stamp)
		if string(got) != want || found != (want != "") {
			t.Errorf("%s: %q %v, want %q", path, got, found, want)
		}
	}
	if _, found := Lookup(nil, &file.Path{Steps: []file.PathStep{{Index: 0}}}); found {
		t.Error("something in nothing")
	}
}
