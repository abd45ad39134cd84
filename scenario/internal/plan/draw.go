package plan

// The uses of randomness, so that no two draw the same numbers.
const (
	ForPhase = iota + 1
	ForGap
	ForSource
	ForRoom
	ForRooms
	ForSender
	ForConnect
	ForRun
	ForLife
	ForArrival
	ForSize
	ForBackoff
	ForFault
	ForFeed
	ForFlow
	ForReaction
	ForStall
	ForMove
	ForBurst
	ForTemplate
	ForPeer
	ForNode
	ForAgent
)

// Draw is the only source of randomness: a hash of the seed, the number's purpose, and up to three
// coordinates such as group, client and sequence.
func Draw(seed uint64, use int, a, b, c uint64) uint64 {
	h := Mix(seed + 0x9e3779b97f4a7c15)
	h = Mix(h ^ (uint64(use) + 0x9e3779b97f4a7c15))
	h = Mix(h ^ (a + 0xbf58476d1ce4e5b9))
	h = Mix(h ^ (b + 0x94d049bb133111eb))
	return Mix(h ^ (c + 0xd6e8feb86659fd93))
}

// Mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func Mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Unit turns a draw into a number in [0,1).
func Unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }
