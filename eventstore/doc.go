// Package eventstore is the journal on Kafka and what stands around it: the topics and their
// settings, the envelope of events with its hash chain, commands and instructions, sealed contents
// and their day keys, a reader that knows its exact position, and who owns a partition.
//
// Nothing but decider, the runtime of the rules, writes events; audit reads and proves what was
// written. A record that was written stays as it is: what is learned later is another record.
package eventstore
