package account

import (
	"fmt"
	"slices"
	"strings"
)

// SenderStatus is the state of a configuration (A4). Its words stay; what may
// be added to it later are badges, not states.
type SenderStatus string

// The four states. The zero value is a stream without events.
const (
	SenderNone     SenderStatus = ""
	SenderNew      SenderStatus = "new"
	SenderInReview SenderStatus = "submitted"
	SenderActive   SenderStatus = "active"
	SenderOff      SenderStatus = "disabled"
)

// Transition is one allowed step of a configuration.
type Transition struct {
	From    SenderStatus
	Command string
	To      SenderStatus
	Rule    string
}

// SenderTransitions is the whole table: what is not in it is refused. The
// diagram in the documentation is drawn from it.
func SenderTransitions() []Transition {
	return []Transition{
		{SenderNone, CommandCreateSender, SenderNew, "B1"},
		{SenderNew, CommandSaveSender, SenderNew, "B3"},
		{SenderNew, CommandSubmitSender, SenderInReview, "B6"},
		{SenderInReview, CommandPassSender, SenderInReview, "B7"},
		{SenderInReview, CommandWithdrawSender, SenderNew, "B10"},
		{SenderInReview, CommandApproveSender, SenderActive, "B8"},
		{SenderInReview, CommandReturnSender, SenderNew, "B8"},
		{SenderActive, CommandSaveSender, SenderActive, "B11"},
		{SenderActive, CommandSubmitSender, SenderActive, "B11"},
		{SenderActive, CommandPassSender, SenderActive, "B11"},
		{SenderActive, CommandWithdrawSender, SenderActive, "B11"},
		{SenderActive, CommandApproveSender, SenderActive, "B11"},
		{SenderActive, CommandReturnSender, SenderActive, "B11"},
		{SenderActive, CommandSuspendSender, SenderActive, "B13"},
		{SenderActive, CommandRefuseSender, SenderActive, "B13"}, // by the carrier: the third one suspends
		{SenderActive, CommandLiftSuspension, SenderActive, "B13"},
		{SenderActive, CommandDisableSender, SenderActive, "F5"}, // notice is given
		{SenderActive, CommandWithdrawDisable, SenderActive, "F5"},
		{SenderActive, CommandFire, SenderOff, "F5"},             // the notice takes effect
		{SenderActive, CommandConfirmSender, SenderActive, "F7"}, // once more: nothing changes
		{SenderOff, CommandDisableSender, SenderOff, "F6"},       // for good
		{SenderOff, CommandConfirmSender, SenderOff, "F5"},       // it is off at Viber
		{SenderOff, CommandLiftSuspension, SenderOff, "B13"},
		{SenderOff, CommandEnableSender, SenderOff, "F7"}, // asked for
		{SenderOff, CommandWithdrawEnable, SenderOff, "F7"},
		{SenderOff, CommandConfirmSender, SenderActive, "F7"}, // it is on at Viber, and its day has come
		{SenderOff, CommandFire, SenderActive, "F7"},          // its day has come, and it was confirmed
	}
}

func next(from SenderStatus, command string) (SenderStatus, bool) {
	for _, t := range SenderTransitions() {
		if t.From == from && t.Command == command {
			return t.To, true
		}
	}
	return "", false
}

func notNow(from SenderStatus, command string) string {
	var needs []string
	for _, t := range SenderTransitions() {
		if t.Command == command && !slices.Contains(needs, string(t.From)) {
			needs = append(needs, string(t.From))
		}
	}
	return fmt.Sprintf("the sender is %s; this step needs it to be %s", from, strings.Join(needs, " or "))
}

// SenderDiagram draws the table as a Mermaid state diagram.
func SenderDiagram() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, t := range SenderTransitions() {
		step, _, _ := strings.Cut(strings.TrimPrefix(t.Command, "sender."), ".")
		fmt.Fprintf(&b, "    %s --> %s: %s (%s)\n", diagramName(t.From), diagramName(t.To), step, t.Rule)
	}
	b.WriteString("```\n")
	return b.String()
}

func diagramName(s SenderStatus) string {
	if s == SenderNone {
		return "[*]"
	}
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}
