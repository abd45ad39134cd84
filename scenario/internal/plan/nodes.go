package plan

// NodeOf is the target of a client among n, taken in turn: each n clients of a group that follow
// each other go to n different targets, in an order that is drawn for them. In one order for all,
// rooms that clients join in turn would be on one target each.
func NodeOf(seed uint64, group, client, n int) int {
	turn, at := client/n, client%n
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := int(Draw(seed, ForNode, uint64(group), uint64(turn), uint64(i)) % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return order[at]
}
