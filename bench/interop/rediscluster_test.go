//go:build interop && cluster

package interop

import (
	"testing"

	"github.com/throng-io/throng/bench/brokers"
)

// One official server and two of ours on a Redis Cluster of three masters.
func TestClusterOnRedisCluster(t *testing.T) {
	masters, err := brokers.RedisCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := masters.Stop(); err != nil {
			t.Error(err)
		}
	})
	runNode(t, "cluster.check.mjs", builtIn().command, "REDIS_CLUSTER="+masters[0].Addr+","+masters[1].Addr+","+masters[2].Addr)
}
