package file

import (
	"errors"
	"strings"
	"testing"
)

// A path that is none names its place, the mistake and the remedy.
func TestBadPathsSayWhere(t *testing.T) {
	_, err := Parse("x.yaml", []byte("version: 1\nname: x\ncontract: {operations: {o: {emit: [e, $payload], to: all, stamp: $.user-id}}}\ngroups: {a: {count: 1}}\n"), nil)
	one, ok := errors.AsType[*Error](err)
	if !ok || one.Line != 3 || !strings.Contains(one.Msg, "position 7") || !strings.Contains(one.Hint, "['user-id']") {
		t.Errorf("%v", err)
	}
}
