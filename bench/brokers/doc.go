// Package brokers starts real brokers on loopback, for tests and studies of clusters: Redis alone,
// Redis Cluster of three masters, Redis behind Sentinel, and NATS. Each is one or more processes
// that end with Stop, and with the process that started them, however that ends.
package brokers
