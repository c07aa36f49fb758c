// Package intake takes what carriers tell us (delivery reports, subscriptions,
// replies) and writes it into the inbox of the number's partition. A carrier is
// told that its notice arrived only after every in-sync replica has it; else it
// repeats the notice, which is recognised by the command's id.
//
// Numbers, texts and tokens never reach a log, a metric or an answer.
package intake
