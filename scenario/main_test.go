package scenario

import (
	"testing"

	"go.uber.org/goleak"
)

// mayStay are goroutines of other packages that outlive a test.
var mayStay []goleak.Option

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, mayStay...) }
