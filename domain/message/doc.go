// Package message decides what happens to one message ("message/<uuid>"): when it is released,
// tried on Viber and as SMS, why it falls back, what each carrier's word means (rules.md D, E),
// what is charged (F1), and how it ends.
//
// Decide gives the events that follow from a command, Evolve the state after each event, Timers
// what is due when; all are pure. A newcomer starts with Decide.
package message
