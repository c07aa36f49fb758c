// Package webhooks tells clients what became of their messages: it is a reactor
// on the journal `messages` and the engine that calls clients' endpoints.
//
// The way of a fact: journal → Watermill router → one row and one River job per
// (event, endpoint), stored in one Postgres transaction before the offset is
// committed → a signed POST, repeated until it is answered with 2xx or a day is
// over. At least once: a receiver knows a repeat by the header webhook-id, which
// is the event's id in the journal. No order is promised.
//
// The reactor starts at the head of the journal when it is first created and is
// never rebuilt: replaying history calls nobody. Where it stands is kept in
// Postgres beside the jobs, so that neither a partition that was silent so far nor
// a group whose offsets have expired is ever entered at a wrong place.
//
// What is told, and when:
//
//	message.sent        a carrier took it (once per attempt: Viber, then SMS)
//	message.delivered   first delivery on a channel
//	message.late        delivered after its deadline, or on the second channel too
//	message.read        the recipient opened it
//	message.failed      failed, refused, or cancelled: data.state and data.reason say which
//	message.unknown     nobody can say whether it arrived
//	recipient.reply     the recipient wrote back
//	recipient.opt_out   the recipient wants no more messages
//	webhook.test        asked for by the client
//
// A payload holds no phone number and no text. A repeat has the same bytes.
//
// # Isolation
//
// Every endpoint with work has a River queue of its own, with its own few
// workers and its own breaker: a slow or dead endpoint holds up nobody else.
// Queues without work are closed.
//
// # What cannot be processed
//
// Postgres down: the handler retries, and its partition waits; nothing is lost. An
// event type that this program does not know also holds its partition, since the
// next release may owe a webhook for it. A record that cannot be read holds up
// nobody: it goes to the table `poisoned`, not to a topic, because the journal
// keeps its bytes for ever and the row is all that is new.
//
// # River
//
// The jobs lie in this package's own schema. A River leader discards stuck jobs
// of kinds that it does not know, so reactors must not share one.
package webhooks
