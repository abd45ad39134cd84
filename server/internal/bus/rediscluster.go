package bus

import (
	"context"

	"github.com/redis/rueidis"
)

// publishesAnywhere reports that messages are published in a Redis Cluster where every server takes
// all.
func (r *Redis) publishesAnywhere() bool {
	return !r.sharded && r.Client.Mode() == rueidis.ClientModeCluster
}

// publishThroughOne publishes through one server of a Redis Cluster, until that fails: several
// would not keep the order of messages. Entries of streams go to the server that owns the stream.
func (r *Redis) publishThroughOne(ctx context.Context, batch []Item) []outcome {
	node := r.node()
	var published, added []rueidis.Completed
	for i := range batch {
		if batch[i].onlyPublished() {
			published = append(published, node.B().Publish().Channel(batch[i].Channel).Message(rueidis.BinaryString(batch[i].Payload)).Build())
		} else {
			added = append(added, r.command(&batch[i]))
		}
	}
	var results, others []rueidis.RedisResult
	if len(published) > 0 {
		results = node.DoMulti(ctx, published...)
	}
	if len(added) > 0 {
		others = r.Client.DoMulti(ctx, added...)
	}
	all := make([]rueidis.RedisResult, len(batch))
	for i := range batch {
		from := &others
		if batch[i].onlyPublished() {
			from = &results
			if (*from)[0].NonRedisError() != nil {
				r.switchNode()
			}
		}
		all[i], *from = (*from)[0], (*from)[1:]
	}
	return outcomesOf(all)
}

// onlyPublished reports whether the item belongs to no server of a Redis Cluster.
func (i *Item) onlyPublished() bool { return i.Fields == nil && i.Verb == "" }

// node is the server of a Redis Cluster through which is published: one by chance.
func (r *Redis) node() rueidis.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.Client.Nodes()
	if all[r.publishNode] == nil {
		for addr := range all {
			r.publishNode = addr
			break
		}
	}
	if node := all[r.publishNode]; node != nil {
		return node
	}
	return r.Client
}

// switchNode takes another server from then on.
func (r *Redis) switchNode() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.publishNode = ""
}
