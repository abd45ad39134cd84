package stats

import (
	"cmp"
	"math"
	"slices"
)

// exactPairs is up to how many pairs the distribution of the signed ranks is counted; beyond it the
// normal approximation differs by less than what anybody decides by.
const exactPairs = 200

// SignedRank is the two-sided signed-rank test of Wilcoxon, Biometrics Bulletin 1 (1945), of the
// null hypothesis that the differences within pairs are symmetric about zero. It is exact, ties
// included: the distribution is that of the ranks at hand with every choice of signs. Differences
// of zero are ranked and then left out (Pratt, Journal of the American Statistical Association 54,
// 1959). Without any other difference it gives 1.
func SignedRank(differences []float64) float64 {
	ranks, sum, positive := doubledRanks(differences)
	if len(ranks) == 0 {
		return 1
	}
	if len(ranks) > exactPairs {
		variance := 0.0
		for _, r := range ranks {
			variance += float64(r*r) / 4
		}
		return math.Min(1, math.Erfc(math.Abs(float64(positive)-float64(sum)/2)/math.Sqrt(2*variance)))
	}
	chance := signs(ranks, sum)
	below := 0.0
	for _, p := range chance[:min(positive, sum-positive)+1] {
		below += p
	}
	return math.Min(1, 2*below)
}

// signs is the chance of each sum of those ranks that have a positive sign, where every choice of
// signs is equally likely. sum is that of all ranks.
func signs(ranks []int, sum int) []float64 {
	chance := make([]float64, sum+1)
	chance[0] = 1
	top := 0
	for _, r := range ranks {
		top += r
		for s := top; s >= r; s-- {
			chance[s] = (chance[s] + chance[s-r]) / 2
		}
		for s := range min(r, top+1) {
			chance[s] /= 2
		}
	}
	return chance
}

// doubledRanks ranks differences by their size. Equal ones share the mean of their ranks, which
// doubling makes a whole number. Zeros take the lowest ranks, and are left out.
func doubledRanks(differences []float64) (ranks []int, sum, positive int) {
	ds := slices.SortedFunc(slices.Values(differences), func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	for i := 0; i < len(ds); {
		size := math.Abs(ds[i])
		// The logarithms of 3/2 and of 2/3 differ in their last digit.
		tied := func(d float64) bool { return math.Abs(d)-size <= 1e-9*size }
		end := i
		for end < len(ds) && tied(ds[end]) {
			end++
		}
		if size > 0 {
			rank := i + 1 + end
			for _, d := range ds[i:end] {
				ranks, sum = append(ranks, rank), sum+rank
				if d > 0 {
					positive += rank
				}
			}
		}
		i = end
	}
	return ranks, sum, positive
}

// trimmedPairs is the largest k with P(W <= k-1) <= alpha/2 for the sum W of the positive ranks of
// n pairs: how many Walsh averages at either end, less one, the interval leaves out.
func trimmedPairs(n int, alpha float64) int {
	sum := n * (n + 1) / 2
	if n > exactPairs {
		sd := math.Sqrt(float64(sum) * float64(2*n+1) / 12)
		return max(0, int(math.Floor(float64(sum)/2-normal(alpha)*sd+0.5)))
	}
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	return tail(signs(ranks, sum), alpha)
}

// tail is the largest k for which the chances below k add up to alpha/2 at most.
func tail(chance []float64, alpha float64) int {
	below := 0.0
	for k, p := range chance {
		below += p
		if below > alpha/2*(1+1e-12) {
			return k
		}
	}
	return 0
}

// exactTrials is up to which number of trials a side the distribution of U is counted; the counts
// stay whole numbers in a float64 far beyond it.
const exactTrials = 20

// trimmed is the largest k with P(U <= k-1) <= alpha/2 under the null hypothesis: how many
// contrasts at either end, less one, the interval leaves out.
func trimmed(n, m int, alpha float64) int {
	if n > exactTrials || m > exactTrials {
		nm := float64(n) * float64(m)
		sd := math.Sqrt(nm * float64(n+m+1) / 12)
		return max(0, int(math.Floor(nm/2-normal(alpha)*sd+0.5)))
	}
	// The number of ways to get each U is a coefficient of the Gaussian binomial: the product over
	// i of (1-x^(m+i))/(1-x^i).
	ways := make([]float64, n*m+1)
	ways[0] = 1
	for i := 1; i <= n; i++ {
		for u := len(ways) - 1; u >= m+i; u-- {
			ways[u] -= ways[u-m-i]
		}
		for u := i; u < len(ways); u++ {
			ways[u] += ways[u-i]
		}
	}
	all := 0.0
	for _, w := range ways {
		all += w
	}
	for u := range ways {
		ways[u] /= all
	}
	return tail(ways, alpha)
}

// normal is the value that a standard normal variable is beyond, on either side, with the chance
// alpha.
func normal(alpha float64) float64 { return math.Sqrt2 * math.Erfinv(1-alpha) }
