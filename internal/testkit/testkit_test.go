package testkit

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestKafkaServesAndPrefixesDiffer(t *testing.T) {
	t.Parallel()
	addr, one := Kafka(t)
	_, two := Kafka(t)
	require.NotEqual(t, one, two)
	require.Regexp(t, `^t[a-z0-9]{10}\.$`, one)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	require.NoError(t, err)
	defer cl.Close()
	require.NoError(t, cl.Ping(t.Context()))
}

func TestPostgresGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for range 2 {
		conn, err := pgx.Connect(t.Context(), Postgres(t))
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `CREATE TABLE mine (id int)`)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	}
}

func TestUnknownServicesAreRefused(t *testing.T) {
	t.Setenv(kafkaEnv, "redpanda")
	_, err := startKafka()
	require.ErrorContains(t, err, "redpanda")
	t.Setenv(postgresURLEnv, "")
	t.Setenv(postgresEnv, "mysql")
	_, err = startPostgres()
	require.ErrorContains(t, err, "mysql")
}
