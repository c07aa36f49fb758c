package storetest

import (
	"fmt"
	"slices"
	"strings"
)

// Guarantee is one promise of the event store.
type Guarantee struct {
	Name    string // of its test
	Means   string // one sentence for people
	How     string // how it is put to the test
	Brokers bool   // it is about brokers that die: only a cluster can be asked

	check func(*given)
}

// Guarantees are all of them. docs/guarantees.md is made from this table.
func Guarantees() []Guarantee { return slices.Clone(guarantees) }

var guarantees = []Guarantee{
	{
		Name:  "atomic append",
		Means: "What follows from a command (events, instructions, outcome) and the offsets of both inbox lanes are committed together or not at all.",
		How:   "A commit is held before the broker sees it: no topic shows anything, no offset has moved. It becomes an abort: everything is there once in the end, and both offsets stand at the lanes' ends.",
		check: atomicAppend,
	},
	{
		Name:  "one writer",
		Means: "A partition has one writer: one that was succeeded writes nothing any more, and learns that it was fenced.",
		How:   "A second producer begins and the first one writes; a whole process is frozen, succeeded, and thawed with work in hand.",
		check: oneWriter,
	},
	{
		Name:  "current generation",
		Means: "Each commit carries the group's generation of its moment: a partition that stays where it is while others move is decided on.",
		How:   "A second process joins the group and takes one of two partitions; both are decided.",
		check: currentGeneration,
	},
	{
		Name:  "committed only",
		Means: "A reader sees nothing of a transaction before its commit, and nothing of an aborted one, ever.",
		How:   "All topics are read through the store while a commit is held, and after it became an abort.",
		check: committedOnly,
	},
	{
		Name:  "unknown commit",
		Means: "A commit whose outcome is unknown is settled and read back: its commands are decided once, whether it happened or not.",
		How:   "The writer is told of an error after the broker committed, and after it aborted.",
		check: unknownCommit,
	},
	{
		Name:  "unbroken history",
		Means: "Each event names the hash of the one before it in its partition, and the versions of a stream have no gap.",
		How:   "The journal is verified after load, unknown commits and a change of owner.",
		check: unbrokenHistory,
	},
	{
		Name:  "replay is live state",
		Means: "Local state is a cache: whether it is kept, lost or old, what an owner decides from is what the journal says, and nothing that was never committed.",
		How:   "The state of an owner is compared with those of successors that begin with nothing and with an old copy; an owner ends right after an aborted commit, and its successor decides the command.",
		check: replayIsLiveState,
	},
	{
		Name:  "parked in order",
		Means: "What comes for a message behind a command that was parked is parked behind it, in the order of the inbox; nothing overtakes, and other messages go on.",
		How:   "Commands follow one that cannot be read, before and after a change of owner.",
		check: parkedInOrder,
	},
	{
		Name:  "missing offset",
		Means: "Where an inbox offset is gone, the journal says where to go on: the inbox is never read again from its oldest record.",
		How:   "The offset of either lane is deleted between two owners.",
		check: missingOffset,
	},
	{
		Name:  "torn transaction",
		Means: "Where the cluster kept one half of a transaction, its events or its offsets, the journal is right: no command is passed over.",
		How:   "The offsets are set to what is left when either half is lost; no client can make a broker do that.",
		check: tornTransaction,
	},
	{
		Name:  "nothing passed over",
		Means: "A committed offset never passes a record that is not decided.",
		How:   "Commits of small groups are held: what lies below the committed offsets is in the journal.",
		check: nothingPassedOver,
	},
	{
		Name:  "recorded time",
		Means: "The recorded time of a partition's events never goes back, whatever the clock does.",
		How:   "The clock goes back by an hour, under an owner and between two.",
		check: recordedTime,
	},
	{
		Name:    "nothing acknowledged is lost",
		Means:   "What was acknowledged (a command at the edge, a decision in the journal) outlives the death of any broker.",
		How:     "Both followers are paused and the leader is killed; then each broker is killed in turn under load.",
		Brokers: true,
		check:   nothingAcknowledgedIsLost,
	},
}

// Page is the table of docs/guarantees.md. caught says for a guarantee which broken stores it catches.
func Page(caught map[string][]string) string {
	var b strings.Builder
	for _, g := range Guarantees() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n*Tested:* %s", capital(g.Name), g.Means, g.How)
		if g.Brokers {
			b.WriteString(" Only a cluster of several brokers can be asked.")
		}
		fmt.Fprintf(&b, "\n\n*A store that is caught by it:* %s.\n\n", strings.Join(caught[g.Name], "; "))
	}
	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
