// Package smpp speaks SMPP 3.4: a Client (an ESME that sends SMS and takes
// delivery receipts and replies) and a Server (the protocol part of a simulated
// SMSC, which is also what the client is tested against).
//
// # Why not the library's session
//
// The PDUs that are written come from github.com/linxGnu/gosmpp/pdu. Its session
// layer and its reader are not used, because a carrier's mistake must never cost
// more than the PDU it was made in:
//
//   - The session closes the bind at any parse error, and every submit in flight
//     is then of unknown outcome, which is never sent again (rules.md D3b). Here
//     a PDU with a sound command_length and a faulty body costs itself alone.
//   - Its window stores a request after writing it, so that a quick answer finds
//     nothing, and drops what it holds at a close. Here a call is registered
//     before its first byte is written, and is always answered.
//   - Its reader takes a submit_sm_resp without a terminated message_id for an
//     accepted one with an empty id, loses the status of a bind refused without
//     a body, forgets a data_coding that it does not know, and refuses a whole
//     deliver_sm for one odd optional parameter.
//
// # Certainty
//
// Submit never guesses. A part whose PDU did not wholly reach the socket is not
// sent: a peer cannot act on half a PDU. One that was written and not answered,
// for whatever reason, is of unknown outcome. Accepted parts of a long message
// are never sent again.
//
// Neither numbers nor texts are ever logged or put into an error.
package smpp
