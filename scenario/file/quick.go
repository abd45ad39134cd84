package file

import (
	"math"
	"time"
)

// Quicken scales a file down, to try it: phases and populations shrink to a share of their size,
// and rooms with them, so that each has as many members as before. Rates per client and per group
// stay. A phase is not shortened below a second, and a shorter one stays unchanged; each population
// keeps at least one client. The share is above 0 and below 1.
//
// Such a run shows that a scenario works, but measures another load; Spec.Quick records that.
func (f *File) Quicken(share float64) {
	f.quick = share
	done := map[*Spec]bool{}
	quicken := func(s *Spec) {
		if !done[s] {
			done[s] = true
			s.quicken(share)
		}
	}
	quicken(f.Spec)
	for _, c := range f.cells {
		quicken(c.Spec)
	}
	f.Cooldown = scaleDown(f.Cooldown, share, time.Second)
}

func (s *Spec) quicken(share float64) {
	s.Quick = share
	for i := range s.Groups {
		g := &s.Groups[i]
		g.Count = fewer(g.Count, share)
		g.Arrive *= share
		if g.Rooms == nil {
			continue
		}
		r := *g.Rooms
		r.Of = max(fewer(r.Of, share), min(r.Join+1, r.Of))
		r.Join = min(r.Join, r.Of)
		g.Rooms = &r
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		was := p.For
		p.For = scaleDown(p.For, share, time.Second)
		if p.Fault != nil {
			part := float64(p.For) / float64(was)
			fault := *p.Fault
			fault.Within = time.Duration(float64(fault.Within) * part)
			if fault.Network != nil {
				w := *fault.Network
				w.Within, w.Outage = time.Duration(float64(w.Within)*part), time.Duration(float64(w.Outage)*part)
				fault.Network = &w
			}
			p.Fault = &fault
		}
	}
}

// fewer rounds up, so that nothing that was there is gone.
func fewer(n int, share float64) int { return int(math.Ceil(float64(n)*share - 1e-9)) }

func scaleDown(d time.Duration, share float64, least time.Duration) time.Duration {
	return max(time.Duration(float64(d)*share).Round(time.Millisecond), min(d, least))
}
