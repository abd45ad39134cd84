package adapter_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// redisCluster starts a Redis Cluster of one server, and returns its address and what asks it.
func redisCluster(t *testing.T) (address string, do func(words ...string) rueidis.RedisResult) {
	t.Helper()
	port := freePort(t)
	redisOn(t, port, "--port", strconv.Itoa(port), "--dir", t.TempDir(), "--save", "", "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)), "--cluster-announce-ip", "127.0.0.1")
	address = fmt.Sprintf("127.0.0.1:%d", port)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ForceSingleClient: true, DisableCache: true})
	check(t, err)
	t.Cleanup(client.Close)
	do = func(words ...string) rueidis.RedisResult {
		return client.Do(t.Context(), client.B().Arbitrary(words...).Build())
	}
	check(t, do("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Error())
	wait(t, "the cluster", func() bool {
		info, err := do("CLUSTER", "INFO").ToString()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	return address, do
}

// TestRoomsOfRedisCluster: on a Redis Cluster, whose sharded channels each have a call of their
// own, a room that is left and joined at once is there when the cluster is ready, and a room
// without members has no subscription.
func TestRoomsOfRedisCluster(t *testing.T) {
	address, do := redisCluster(t)
	n := start(t, "redis+sharded://"+address, 2, adapter.Options{})
	subscribed := func(room string) int64 {
		list, err := do("PUBSUB", "SHARDNUMSUB", prefix(t)+"#/#"+room+"#").ToArray()
		check(t, err)
		count, err := list[1].AsInt64()
		check(t, err)
		return count
	}
	n[0].On("leave", func(s *server.Socket, e *server.Event) error {
		s.Leave("r")
		return e.Ack()
	})
	c := connect(t, n[0])
	leave := func() {
		c.send(`421["leave"]`)
		c.expect(`431[]`)
	}
	c.join(n[0], "r")
	for i := range 30 {
		leave()
		c.join(n[0], "r")
		check(t, n[1].To("r").Emit("x", i))
		c.expect(fmt.Sprintf(`42["x",%d]`, i))
	}
	if count := subscribed("r"); count != 1 {
		t.Errorf("%d subscriptions of a room with a member", count)
	}
	leave()
	wait(t, "the end of the room's subscription", func() bool { return subscribed("r") == 0 })
	check(t, n[1].To("r").Emit("nobody"))
	check(t, n[1].Emit("all"))
	c.expect(`42["all"]`)
}
