package scenario

import (
	"errors"
	"fmt"
	"testing"
)

// An agent's error stays what it is on its way to the controller, with the agent's name.
func TestRefusal(t *testing.T) {
	t.Parallel()
	target := fmt.Errorf("probe: %w", &TargetError{URL: "http://10.0.0.1:3000", Err: errors.New("refused")})
	limit := &LimitError{What: "file descriptors", Need: 30_000, Have: 20_000, Fix: "raise it"}
	for _, x := range []struct {
		err               error
		isTarget, isLimit bool
	}{{target, true, false}, {limit, false, true}, {errors.New("no room"), false, false}} {
		err := x.err
		got := DecodeRefusal("a1", EncodeRefusal(err))
		if got.Error() != "the agent a1: "+err.Error() {
			t.Errorf("%q becomes %q", err, got)
		}
		at, is := errors.AsType[*TargetError](got)
		if is != x.isTarget || is && at.URL != "http://10.0.0.1:3000" {
			t.Errorf("%v: a target's error: %v", got, is)
		}
		short, is := errors.AsType[*LimitError](got)
		if is != x.isLimit || is && *short != *limit {
			t.Errorf("%v: a limit's error: %v", got, is)
		}
	}
	for _, text := range []string{"", "{}", "no JSON"} {
		if got := DecodeRefusal("a1", []byte(text)).Error(); got != "the agent a1: it does not say why it cannot take part" {
			t.Errorf("%q: %s", text, got)
		}
	}
}
