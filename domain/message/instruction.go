package message

// Instructions returns what the outbox has to hold because of e; s is the state
// right after e. Write them in the transaction that writes e, and nowhere else:
// no carrier is called without its event. Revokes name attempts whose call, if
// it has not been made yet, must not be made.
func Instructions(s State, e Event) (sends []SendInstruction, revokes []RevokeInstruction) {
	switch ev := e.(type) {
	case AttemptStarted:
		return []SendInstruction{send(s, ev)}, nil
	case FellBack:
		return nil, revoke(s, ev.Revokes)
	case CancelRequested:
		return nil, revoke(s, ev.Revokes)
	case OptedOut:
		return nil, revoke(s, ev.Revokes)
	case Delivered:
		return nil, revoke(s, ev.Revokes)
	}
	return nil, nil
}

func send(s State, ev AttemptStarted) SendInstruction {
	a, _ := s.Attempt(ev.Attempt)
	return SendInstruction{
		Message: s.ID, Content: ContentKey(s.ID, s.Accepted.BodyDigest), Attempt: ev.Attempt, Channel: ev.Channel, Route: ev.Route, ServiceID: ev.ServiceID, From: ev.From,
		Label: s.Label(), NotAfter: ev.NotAfter, TTLSec: ev.TTLSec, Urgent: s.Urgent(),
		Account: s.Accepted.Account, Sender: s.Accepted.Sender, Country: s.Accepted.Country, Started: a.Started,
	}
}

func revoke(s State, attempts []string) []RevokeInstruction {
	var out []RevokeInstruction
	for _, id := range attempts {
		out = append(out, RevokeInstruction{Message: s.ID, Attempt: id})
	}
	return out
}

// ContentKey names a message's record in `contents`. It holds a part of the
// request's keyed digest: a repeat under the same idempotency key but with
// another body must not replace what the first one, which stands, will send.
func ContentKey(id, bodyDigest string) string {
	return id + "/" + bodyDigest[:min(len(bodyDigest), 16)]
}
