package scenario

// The uses of randomness, so that no two draw the same numbers.
const (
	drawPhase = iota + 1
	drawGap
	drawSource
	drawRoom
	drawRooms
	drawSender
	drawConnect
	drawRun
	drawLife
	drawArrival
	drawSize
	drawBackoff
	drawFault
	drawFeed
	drawFlow
	drawReact
	drawStall
	drawMove
	drawBurst
)

// draw is the only source of randomness: a hash of the seed, what the number is
// for, and up to three coordinates such as group, client and sequence.
func draw(seed uint64, use int, a, b, c uint64) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	h = mix(h ^ (uint64(use) + 0x9e3779b97f4a7c15))
	h = mix(h ^ (a + 0xbf58476d1ce4e5b9))
	h = mix(h ^ (b + 0x94d049bb133111eb))
	return mix(h ^ (c + 0xd6e8feb86659fd93))
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit turns a draw into a number in [0,1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }
