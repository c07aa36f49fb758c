// Package embedded runs the services that `goniec up` and the tests need without anything installed: a
// Kafka-protocol broker inside the process and a PostgreSQL server beside it, both below one data directory that
// one process may use at a time.
//
// The embedded services are for trial and tests: one node, no replication, loopback only. They speak the same
// protocols as the real ones, so nothing above this package knows which it talks to.
package embedded
