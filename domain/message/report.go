package message

import (
	"slices"
	"time"

	"goniec/domain"
)

// report takes a carrier's word on an attempt. Each word counts once per
// channel; nothing that was better known is lowered by it.
func (d *decision) report(c Report) {
	a, ok := d.s.Attempt(c.Attempt)
	if !ok {
		return
	}
	at := clamp(c.At, a.Started, clamp(orElse(c.Received, d.f.Now), a.Started, d.f.Now))
	if a.doubtful() || a.Status != AttemptTaken && a.Status != AttemptArrived && a.Status != AttemptDied {
		a = d.resolve(a, c)
	}
	switch c.Status {
	case ReportDelivered:
		d.delivery(a, c, at)
	case ReportRead:
		d.delivery(a, c, at)
		d.read(a, c, at)
	case ReportExpired, ReportUndelivered, ReportRejected, ReportDeleted:
		d.dead(a, c, at)
	case ReportAccepted:
	}
	d.settle()
}

// resolve: a report proves that the attempt was taken.
func (d *decision) resolve(a Attempt, c Report) Attempt {
	d.taken(a, []string{c.CarrierID}, c.Inferred)
	a, _ = d.s.Attempt(a.ID)
	return a
}

// delivery records the first delivery on a channel.
func (d *decision) delivery(a Attempt, c Report, at time.Time) {
	if d.s.delivered(a.Channel) {
		return
	}
	if len(a.CarrierIDs) > 1 {
		d.part(a, c, at)
		return
	}
	if !d.whole(a) {
		d.giveUp(a, c, ReasonIncomplete, at)
		return
	}
	d.deliver(a, c, at)
}

// whole says whether the carrier took every part of a long SMS.
func (d *decision) whole(a Attempt) bool {
	return !policies[a.Channel].onSubmission || a.Parts >= d.s.Accepted.SMSParts
}

func (d *decision) deliver(a Attempt, c Report, at time.Time) {
	late := policies[a.Channel].validity && at.After(d.s.Deadline)
	revokes := slices.DeleteFunc(d.s.flying(), func(id string) bool { return id == a.ID })
	if len(revokes) == 0 {
		revokes = nil
	}
	d.emitAt(Delivered{
		Attempt: a.ID, Channel: a.Channel, CarrierTime: c.At, Late: late, Double: len(d.s.Delivered) > 0,
		Inferred: c.Inferred, ByRead: c.Status == ReportRead, Revokes: revokes,
	}, at)
	if !policies[a.Channel].onSubmission {
		d.charge(a, 1, at, late && d.s.Accepted.LatePolicy == LatePolicyWaiveViber)
	}
}

// read records that it was opened, once; only Viber can know.
func (d *decision) read(a Attempt, c Report, at time.Time) {
	if a.Channel == domain.Viber && !d.s.ReadSeen && d.s.delivered(a.Channel) {
		d.emitAt(Read{Attempt: a.ID, CarrierTime: c.At, Inferred: c.Inferred}, at)
	}
}

// dead: the carrier gave the attempt up.
func (d *decision) dead(a Attempt, c Report, at time.Time) {
	switch {
	case a.Status != AttemptTaken:
	case len(a.CarrierIDs) > 1:
		d.part(a, c, at)
	default:
		d.giveUp(a, c, string(c.Status), at)
	}
}

// part records the word on one part of a long SMS; the message follows when
// there is a word on every part that was taken.
func (d *decision) part(a Attempt, c Report, at time.Time) {
	id := NormaliseCarrierID(c.CarrierID)
	isPart := func(p string) bool { return NormaliseCarrierID(p) == id }
	done, dead := slices.Contains(a.PartsDone, id), slices.Contains(a.PartsDead, id)
	arrived := c.Status == ReportDelivered || c.Status == ReportRead
	if !slices.ContainsFunc(a.CarrierIDs, isPart) || done || dead && !arrived {
		return
	}
	status := c.Status
	if arrived {
		status = ReportDelivered
	}
	d.emitAt(PartReported{Attempt: a.ID, CarrierID: c.CarrierID, Status: string(status), Code: c.Code}, at)
	a, _ = d.s.Attempt(a.ID)
	switch {
	case len(a.PartsDone)+len(a.PartsDead) < len(a.CarrierIDs):
	case len(a.PartsDead) > 0:
		d.giveUp(a, c, orElse(deadReason(c), ReasonUndelivered), at)
	case !d.whole(a):
		d.giveUp(a, c, ReasonIncomplete, at)
	default:
		d.deliver(a, c, at)
	}
}

func deadReason(c Report) string {
	if c.Status == ReportDelivered || c.Status == ReportRead {
		return ""
	}
	return string(c.Status)
}

func (d *decision) giveUp(a Attempt, c Report, reason string, at time.Time) {
	if a.Status != AttemptTaken {
		return
	}
	d.emitAt(Undelivered{
		Attempt: a.ID, Channel: a.Channel, Reason: reason, Code: c.Code, CarrierTime: c.At, Inferred: c.Inferred,
	}, at)
	if d.current(a) && policies[a.Channel].validity && !d.s.CancelAsked {
		d.stepOver(move{why: reason, rule: "D4", code: c.Code})
	}
	d.settle()
	d.raise()
}
