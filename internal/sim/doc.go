// Package sim is the deterministic simulation of goniec: the owners of
// partitions, the dispatcher and the runner of the projections, the same code
// that runs in production, on a simulated Kafka, simulated carriers, a simulated
// Postgres and simulated time. A seed chooses everything that happens; the same
// seed makes the same things happen. All of it is tests: docs/simulation.md.
package sim
