// Package simulator stands in for both carriers: a Viber Business Messages
// service over HTTP and, with an SMPP server in front of it, an SMSC. They are
// real servers speaking the real protocols; only the phones are missing.
//
// The last two digits of a number choose what happens to it (the table in
// scripts.go, which is the one of docs/rules.md). Everything that was
// submitted, answered and reported stands in a log of the simulator's own,
// which survives a restart and can be read over HTTP, so that a test can
// compare it with what the program under test believes. A page shows the phone.
//
// Reports are due in domain time (Config.Clock), so they follow a virtual
// clock; calls, retries and held connections use real time.
//
// The log and the page hold numbers and texts in clear: that is what they are
// for. Nothing of them goes into the process's own logs, statistics or addresses.
package simulator
