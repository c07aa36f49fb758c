// Package dispatch carries instructions from the outbox to the carriers and
// their answers back into the inbox. It is the only place that sends.
//
// # A claim is durable before its call
//
// A call to a carrier cannot be taken back and mostly cannot be recognised when
// it is repeated. So before any call the owner of a partition commits to Kafka,
// with the group's offset, which instructions it has claimed and which of those
// are finished (their answer is acknowledged in the inbox). A successor sends
// what lies above the claim; what is claimed and not finished it answers
// "unknown" and never sends. Claims are made in groups: one commit claims all
// that is ready, then their calls go out together, and nothing waits for a slow one.
//
// A claim is worth something only while the group counts us in: each call is
// made only if a commit succeeded less than session time-out minus call time-out ago.
//
// # What can still double
//
// A process that is frozen between that check and the call, for longer than the
// rest of its session. And a commit that was lost on a broken connection and is
// executed by the coordinator after a later one, if the process dies before the
// next commit (one second at most while there is work).
package dispatch
