// Package viber speaks Viber's native Business Messages protocol: one JSON
// POST per message, and callbacks for what became of it.
//
// A call has one of three outcomes (rules.md D16): accepted, refused (Viber
// certainly did not take it) or unknown (it may have). What the service's own
// status numbers mean is decided by the domain; what happens on the wire
// (time-outs, cut connections, answers that cannot be read) is decided here.
// Errors and codes never hold a number or a text.
package viber
