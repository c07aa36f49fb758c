package eventstore_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

// The vectors of Kafka's own test (UtilsTest.testMurmur2), made positive as its partitioner does.
func TestPartitionsAreThoseOfKafkasPartitioner(t *testing.T) {
	t.Parallel()
	for key, murmur := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		positive := murmur & 0x7fffffff
		require.Equal(t, positive, eventstore.Partitioner{N: 1<<31 - 1}.Of([]byte(key)), key)
		require.Equal(t, positive%12, eventstore.Partitioner{N: 12}.Of([]byte(key)), key)
	}
}

func testSecrets() eventstore.Secrets {
	key := func(first byte) []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = first + byte(i)
		}
		return b
	}
	return eventstore.Secrets{Partition: key(0), Recipient: key(0), Digest: key(1)}
}

// Computed elsewhere: these ids stand in journals, so they must never change.
func TestDerivedIDsAreStable(t *testing.T) {
	t.Parallel()
	s := testSecrets()
	key, p := eventstore.NumberPartition(s, eventstore.Partitioner{N: 12}, "+48500100201")
	require.Equal(t, "1e483f1642510e154727eaa1995d0fd6", key)
	require.Equal(t, eventstore.Partition(3), p)
	require.Equal(t, "000557d0-2e4d-8db0-b911-767305a0117a", s.RecipientID(5, "acc", "+48500100201").String())
	require.Equal(t, "000591d8-8421-81a2-805a-85af6c92237e", s.IdempotentMessageID(5, "acc", "key-1", "+48500100201", "ref").String())
}

// What is told apart must not run together, wherever the border between two parts lies.
func TestIDsTellTheirPartsApart(t *testing.T) {
	t.Parallel()
	s := testSecrets()
	require.NotEqual(t, s.IdempotentMessageID(0, "a", "bc", "n", "r"), s.IdempotentMessageID(0, "ab", "c", "n", "r"))
	require.NotEqual(t, s.IdempotentMessageID(0, "a", "k", "n", ""), s.IdempotentMessageID(0, "a", "k", "", "n"))
	require.NotEqual(t, s.ContentDigest("a", "b"), s.ContentDigest("ab"))
	require.NotEqual(t, s.ContentDigest("a"), s.ContentDigest("a", ""))
	require.NotEqual(t, s.FactID(0, "a", "b"), s.FactID(0, "ab"))
	fact, again := s.FactID(0, "a", "b"), s.FactID(0, "a", "b")
	require.Equal(t, fact, again)
	other := s
	other.Digest = s.Partition
	require.NotEqual(t, s.ContentDigest("a"), other.ContentDigest("a"))
}

func TestIDsCarryTheirPartition(t *testing.T) {
	t.Parallel()
	for _, p := range []eventstore.Partition{0, 1, 11, 255, 256, 65534} {
		for _, id := range []uuid.UUID{eventstore.NewID(p), eventstore.DerivedID(p, []byte(strings.Repeat("\xff", 32))), eventstore.DerivedID(p, make([]byte, 16))} {
			require.Equal(t, p, eventstore.PartitionOf(id))
			require.Equal(t, uuid.Version(8), id.Version())
			require.Equal(t, uuid.RFC4122, id.Variant())
			got, part, err := eventstore.Partitioner{N: 65535}.ParseID(id.String())
			require.NoError(t, err)
			require.Equal(t, id, got)
			require.Equal(t, p, part)
		}
	}
	one, other := eventstore.NewID(1), eventstore.NewID(1)
	require.NotEqual(t, one, other)
}

func TestIDsThatAreNone(t *testing.T) {
	t.Parallel()
	part := eventstore.Partitioner{N: 4}
	id := eventstore.NewID(3).String()
	_, p, err := part.ParseID(strings.ToUpper(id))
	require.NoError(t, err)
	require.Equal(t, eventstore.Partition(3), p)
	for name, s := range map[string]string{
		"of a partition that does not exist": eventstore.NewID(4).String(),
		"in braces":                          "{" + id + "}",
		"as a URN":                           "urn:uuid:" + id,
		"without dashes":                     strings.ReplaceAll(id, "-", ""),
		"short":                              id[:35],
		"not hex":                            id[:35] + "g",
		"empty":                              "",
		"a path":                             "../" + id[3:],
	} {
		_, _, err := part.ParseID(s)
		require.Error(t, err, name)
		if s != "" {
			require.NotContains(t, err.Error(), s, name)
		}
	}
}
