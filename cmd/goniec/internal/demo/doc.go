// Package demo runs the whole of goniec on simulated carriers, waits until every
// message has ended, and then proves what it promises: each message ended as its
// number's suffix requires, the month's totals are what the journal adds up to,
// the carriers' own log agrees, the hash chain holds, the read models rebuilt from
// nothing are equal, and no number or text stands anywhere in clear. With Break
// it kills everything in the middle, again and again, and asks the same questions.
//
// RunMonth tells two months of billing instead, with the domain's clock moved by
// hand: see MonthReport.
//
// The checks share no code with what they check: they read the journal with the
// plain reader, the carriers' log over HTTP, and the read models with queries.
package demo
