// Package whatif decides the messages of a journal once more under other settings:
// the same requests, carriers' words, opt-outs and switches, and message.Decide,
// but another validity, another policy or other prices. What the journal cannot
// tell, because it never happened, is assumed, and each assumption is counted.
//
// Nothing can be sent from here: the package imports no other than domain's, which
// do no input and output, and it drops the instructions that a decision has for an
// outbox. Under the settings that were in force it comes to what really came.
package whatif
