package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

func TestEnoughOfTheCarriersWord(t *testing.T) {
	t.Parallel()
	word := func(recipient string, second int) carriersWord {
		return carriersWord{recipient, noon.Add(time.Duration(second) * time.Second)}
	}
	require.True(t, enough([]carriersWord{word("c", 60), word("a", 0), word("b", 30)}))
	require.False(t, enough([]carriersWord{word("c", 61), word("a", 0), word("b", 30)}))
	require.False(t, enough([]carriersWord{word("a", 0), word("a", 1), word("b", 2)}))
}

func TestTheCarriersWordIsReadFromTheJournal(t *testing.T) {
	t.Parallel()
	m := newTale(t).add(
		message.AttemptRefused{Attempt: onViber, Code: "3"},
		message.AttemptRefused{Attempt: onViber, Code: "43", AgainstSender: &message.AgainstSender{SenderID: "s", Recipient: "r"}},
	).message()
	words := carriersWords([]*Message{m})
	require.Len(t, words, 1)
	require.Equal(t, "r", words["s"][0].recipient)
}
