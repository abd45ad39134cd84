package machine

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// A yardstick times pieces while they count, and no others.
func TestYardstick(t *testing.T) {
	var counts atomic.Bool
	asked := make(chan struct{}, 1)
	y, err := StartYardstick(func() bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		return counts.Load()
	})
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		<-asked
		<-asked
	}
	if y.Piece() != 0 {
		t.Errorf("%v, though nothing counts", y.Piece())
	}
	counts.Store(true)
	for runtime.GOOS == "linux" && y.pieces.Load() < 5 && t.Context().Err() == nil {
		runtime.Gosched()
	}
	y.Stop()
	piece := y.Piece()
	if runtime.GOOS == "linux" && (piece < 10*time.Microsecond || piece > time.Second) {
		t.Errorf("a piece took %v", piece)
	}
	if y.Piece() != piece {
		t.Error("it goes on after Stop")
	}
}
