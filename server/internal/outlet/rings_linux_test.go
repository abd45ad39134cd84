package outlet

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/server/internal/frame"
)

// ringsOf returns rings that the test's end closes, and what they were refused with. A kernel that
// has none fails the test: what happens there is planted by others.
func ringsOf(t *testing.T) (s *Rings, refused *[]error) {
	t.Helper()
	refused = new([]error)
	s = NewRings(func(err error) { *refused = append(*refused, err) })
	t.Cleanup(s.Close)
	s.Open()
	if len(*refused) > 0 {
		t.Fatalf("this kernel or the container's filter refuses io_uring, which these tests need: %v", *refused)
	}
	return s, refused
}

// member is an outlet with its owner and the other end of its socket.
type member struct {
	*Outlet
	owner *asked
	peer  int
}

// members returns open outlets whose owners leave them closed.
func members(t *testing.T, n int) []member {
	t.Helper()
	all := make([]member, n)
	for i := range all {
		o, owner, peer := connected(t)
		owner.reopen = false
		open(o)
		all[i] = member{o, owner, peer}
	}
	return all
}

func open(o *Outlet) {
	o.Lock()
	o.Open()
	o.Unlock()
}

// fill writes to the socket of m until there is no room, and returns how many bytes.
func fill(t *testing.T, m member) (total int) {
	t.Helper()
	for {
		n, err := unix.Write(int(m.fd), make([]byte, 100))
		if err != nil {
			if !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
			return total
		}
		total += n
	}
}

// send delivers a frame to all of them.
func send(s *Rings, all []member, f *frame.Frame) {
	many := s.Many(len(all), Alone(f))
	for _, m := range all {
		many.Deliver(m.Outlet)
	}
	many.End()
}

// came returns what has come at the other end so far.
func (m member) came(t *testing.T) string {
	t.Helper()
	var got strings.Builder
	b := make([]byte, 1<<16)
	for {
		n, err := unix.Read(m.peer, b)
		if n <= 0 || err != nil {
			return got.String()
		}
		got.Write(b[:n])
	}
}

// Each outlet gets each message once and in order, in several submissions and in turn with messages
// of its own; owners get what cannot be written as it is.
func TestManyGetAll(t *testing.T) {
	s, refused := ringsOf(t)
	all := members(t, 2*ringSize+20)
	first, second, own := text(5), text(9), text(30)
	closed, gone, slow := all[3], all[ringSize+1], all[2*ringSize+2]
	closed.Lock() // and not opened again
	closed.Attach(int(closed.fd))
	closed.Unlock()
	_ = unix.Shutdown(gone.peer, unix.SHUT_RDWR)
	full := fill(t, slow)
	send(s, all, first)
	all[7].Deliver(Alone(own))
	send(s, all, second)
	both := string(first.Wire()) + string(second.Wire())
	for i, m := range all {
		want, asked := both, 0
		switch m.Outlet {
		case all[7].Outlet:
			want = string(first.Wire()) + string(own.Wire()) + string(second.Wire())
		case closed.Outlet, gone.Outlet:
			want, asked = "", 2
		case slow.Outlet:
			want, asked = string(make([]byte, full)), 2
		}
		if got := m.came(t); got != want {
			t.Errorf("outlet %d: %q came, want %q", i, got, want)
		}
		if len(m.owner.batches) != asked {
			t.Errorf("outlet %d: its owner was asked for %d batches, want %d", i, len(m.owner.batches), asked)
		}
		m.Look() // locked by nobody
		if packets, bytes := m.Written(); asked == 0 && (packets < 2 || int(bytes) != len(want)) {
			t.Errorf("outlet %d: %d packets and %d bytes are counted", i, packets, bytes)
		}
		m.Unlock()
	}
	for _, m := range []member{closed, gone, slow} {
		if m.owner.written[0] != 0 || m.owner.batches[0].Frames[0] != first || m.owner.batches[1].Frames[0] != second {
			t.Errorf("an owner was asked for %v, from %v on", m.owner.batches, m.owner.written)
		}
	}
	if len(*refused) > 0 || len(s.free) != 1 {
		t.Errorf("%d rings, refused %v", len(s.free), *refused)
	}
}

// What is too few, or too long, is not sent by rings.
func TestFewAndLong(t *testing.T) {
	s, _ := ringsOf(t)
	for _, tt := range []struct {
		n, size int
		want    bool
	}{{fewest - 1, 1, false}, {fewest, 1, true}, {fewest, longSend, false}} {
		m := s.Many(tt.n, Alone(text(tt.size)))
		if got := m.group != nil; got != tt.want {
			t.Errorf("%d bytes to %d: by a ring: %v", tt.size, tt.n, got)
		}
		m.End()
	}
	var none *Rings
	all := members(t, 20)
	send(none, all, text(1))
	none.Open()
	none.Close()
	for _, m := range all {
		if m.came(t) != string(text(1).Wire()) {
			t.Error("without rings nothing comes")
		}
	}
}

// While one outlet is locked by somebody else, the others get the message, and no lock is held:
// two that deliver to common outlets in different orders cannot wait for each other.
func TestNoLockIsHeldWhileOneIsWaitedFor(t *testing.T) {
	s, _ := ringsOf(t)
	all := members(t, 20)
	all[5].Look()
	over := make(chan struct{})
	go func() {
		defer close(over)
		send(s, all, text(3))
	}()
	for i, m := range all {
		if i == 5 {
			continue
		}
		var b [100]byte
		awaitReadable(t, m.peer)
		if n, err := unix.Read(m.peer, b[:]); string(b[:max(n, 0)]) != string(text(3).Wire()) {
			t.Fatalf("outlet %d: %q came, %v", i, b[:max(n, 0)], err)
		}
		m.Look() // or it waits for ever
		m.Unlock()
	}
	select {
	case <-over:
		t.Error("the locked outlet has been passed over")
	default:
	}
	all[5].Unlock()
	<-over
	if all[5].came(t) != string(text(3).Wire()) || len(all[5].owner.batches) > 0 {
		t.Error("the outlet that was locked has not got the message")
	}
}

func awaitReadable(t *testing.T, fd int) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for end := time.Now().Add(30 * time.Second); ; {
		n, err := unix.Poll(p, 1000)
		if n == 1 {
			return
		}
		if err != nil && !errors.Is(err, unix.EINTR) || time.Now().After(end) {
			t.Fatalf("nothing comes: %v", err)
		}
	}
}

// plant replaces the system call of the one ring.
func (s *Rings) plant(enter func(r *ring, submit, wait int) (int, unix.Errno)) {
	s.free[0].ring.enter = enter
}

// Results in part and failures of single sends are their owners' to go on from, and nobody else's.
func TestPlantedResults(t *testing.T) {
	s, refused := ringsOf(t)
	f := text(20)
	size := uint32(len(f.Wire()))
	plants := map[int]func(e *sqe){
		0: func(e *sqe) { e.len = 1 },
		2: func(e *sqe) { e.fd = -1 },
		3: func(e *sqe) { e.opcode = 255 },
		4: func(e *sqe) { e.len = size - 1 },
		9: func(e *sqe) { e.addr = 0 },
	}
	s.plant(func(r *ring, submit, wait int) (int, unix.Errno) {
		for i := range submit {
			if e := &r.sqes[(*r.sqTail-uint32(submit)+uint32(i))%ringSize]; plants[int(e.userData)] != nil {
				plants[int(e.userData)](e)
			}
		}
		return enter(r, submit, wait)
	})
	all := members(t, fewest)
	send(s, all, f)
	for i, m := range all {
		want, from := string(f.Wire()), -1
		switch {
		case i == 0 || i == 4:
			from = map[int]int{0: 1, 4: int(size) - 1}[i]
		case plants[i] != nil:
			from = 0
		}
		if from >= 0 {
			want = want[:from]
		}
		if got := m.came(t); got != want {
			t.Errorf("outlet %d: %q came, want %q", i, got, want)
		}
		if asked := len(m.owner.written) == 1; asked != (from >= 0) || asked && (m.owner.written[0] != from || m.open) {
			t.Errorf("outlet %d: its owner was asked to go on from %v, want %d", i, m.owner.written, from)
		}
	}
	if len(*refused) > 0 {
		t.Errorf("a send that fails is no refusal: %v", *refused)
	}
}

// Calls that are refused, at once or after some sends, leave nothing unsent: what the kernel has
// not taken goes to the owners. From then on all goes out one by one.
func TestRefusedCalls(t *testing.T) {
	for _, taken := range []int{0, 1, 7} {
		before := countRings(t)
		s, refused := ringsOf(t)
		calls := 0
		s.plant(func(r *ring, submit, wait int) (int, unix.Errno) {
			calls++
			switch {
			case calls == 1:
				return 0, unix.EINTR
			case calls == 2 && taken > 0:
				return enter(r, taken, wait)
			}
			return 0, unix.EPERM
		})
		all := members(t, fewest)
		f := text(4)
		send(s, all, f)
		for i, m := range all {
			if got := m.came(t); (got == string(f.Wire())) != (i < taken) || len(m.owner.batches) != map[bool]int{true: 0, false: 1}[i < taken] {
				t.Errorf("%d taken, outlet %d: %q came, and its owner was asked for %d batches", taken, i, got, len(m.owner.batches))
			}
			open(m.Outlet)
		}
		if len(*refused) != 1 || !errors.Is((*refused)[0], unix.EPERM) || len(s.free) != 0 {
			t.Errorf("refused %v, %d rings", *refused, len(s.free))
		}
		if got := countRings(t); got != before {
			t.Errorf("a ring that does not work is open: %v, before %v", got, before)
		}
		send(s, all, f)
		for i, m := range all {
			if m.came(t) != string(f.Wire()) || len(*refused) != 1 {
				t.Errorf("outlet %d gets nothing without the ring; refused %v", i, *refused)
			}
		}
	}
}

// A send that is not over when the call returns, which no kernel does for these, is waited for.
func TestALateResultIsWaitedFor(t *testing.T) {
	s, refused := ringsOf(t)
	waits := make(chan struct{}, 1)
	s.plant(func(r *ring, submit, wait int) (int, unix.Errno) {
		for i := range submit {
			r.sqes[(*r.sqTail-uint32(submit)+uint32(i))%ringSize].msgFlags &^= unix.MSG_DONTWAIT
		}
		if wait > 0 {
			select {
			case waits <- struct{}{}:
			default:
			}
		}
		return enter(r, submit, wait)
	})
	all := members(t, fewest)
	slow := all[4]
	fill(t, slow)
	_ = unix.SetNonblock(int(slow.fd), false)
	over := make(chan struct{})
	go func() {
		defer close(over)
		send(s, all, text(4))
	}()
	<-waits
	got := ""
	for !strings.HasSuffix(got, string(text(4).Wire())) {
		awaitReadable(t, slow.peer)
		got += slow.came(t)
	}
	<-over
	if len(slow.owner.batches) > 0 || len(*refused) > 0 {
		t.Errorf("its owner was asked for %d batches; refused %v", len(slow.owner.batches), *refused)
	}
}

// Where even that is refused nobody knows what has been sent, so the connection ends.
func TestALostResultEndsItsConnection(t *testing.T) {
	s, refused := ringsOf(t)
	s.plant(func(r *ring, submit, wait int) (int, unix.Errno) {
		if wait > 0 {
			return 0, unix.EBADFD
		}
		for i := range submit {
			r.sqes[(*r.sqTail-uint32(submit)+uint32(i))%ringSize].msgFlags &^= unix.MSG_DONTWAIT
		}
		return enter(r, submit, wait)
	})
	all := members(t, fewest)
	slow := all[4]
	fill(t, slow)
	_ = unix.SetNonblock(int(slow.fd), false)
	send(s, all, text(4))
	if _, err := unix.Write(int(slow.fd), []byte{1}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the connection goes on: %v", err)
	}
	if len(slow.owner.written) != 1 || slow.owner.written[0] != 0 || len(*refused) != 1 || !errors.Is((*refused)[0], unix.EBADFD) {
		t.Errorf("its owner was asked to go on from %v; refused %v", slow.owner.written, *refused)
	}
	if got := all[5].came(t); got != string(text(4).Wire()) {
		t.Errorf("behind it %q came", got)
	}
}

// Rings leave no descriptor and no mapping behind, nor outlets in memory.
func TestRingsEnd(t *testing.T) {
	before := countRings(t)
	s := NewRings(nil)
	all := members(t, 20)
	a, b := s.Many(20, Alone(text(1))), s.Many(20, Alone(text(1)))
	if a.group == nil {
		t.Fatal("there is no ring")
	}
	if got := countRings(t); got[0] <= before[0] || got[1] <= before[1] {
		t.Errorf("descriptors and mappings of rings: %v, before %v; the count does not see them", got, before)
	}
	a.Deliver(all[0].Outlet)
	a.Deliver(all[1].Outlet)
	a.End()
	for _, o := range a.group.locked.all {
		if o != nil {
			t.Error("an outlet is kept in memory")
		}
	}
	s.Close()
	b.Deliver(all[2].Outlet)
	b.End() // in use when the others were closed
	send(s, all, text(1))
	if got := countRings(t); got != before {
		t.Errorf("descriptors and mappings of rings: %v, before %v", got, before)
	}
	for i, m := range all {
		if want := strings.Repeat(string(text(1).Wire()), 1+map[bool]int{true: 1}[i < 3]); m.came(t) != want {
			t.Errorf("outlet %d has not got %q", i, want)
		}
	}
}

// countRings counts the descriptors and the mappings of rings in this process.
func countRings(t *testing.T) (n [2]int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(name, "io_uring") {
			n[0]++
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	n[1] = strings.Count(string(maps), "io_uring")
	return n
}

// The structures have the kernel's layout.
func TestLayout(t *testing.T) {
	if a, b, c := unsafe.Sizeof(sqe{}), unsafe.Sizeof(cqe{}), unsafe.Sizeof(ringParams{}); a != 64 || b != 16 || c != 120 {
		t.Errorf("submission, completion and parameters have %d, %d and %d bytes, want 64, 16 and 120", a, b, c)
	}
	if off := unsafe.Offsetof(sqe{}.userData); off != 32 {
		t.Errorf("user data at %d", off)
	}
}
