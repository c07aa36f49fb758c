package messages

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
)

func TestStepsAreWrittenAsEncodingJSONWould(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z_]{1,12}`))
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "micros")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Step {
			return Step{
				At: at.Draw(t, "at"), Type: text.Draw(t, "type"), Channel: domain.Channel(text.Draw(t, "channel")), Code: text.Draw(t, "code"),
				Reason: text.Draw(t, "reason"), Rule: text.Draw(t, "rule"), Until: rapid.Ptr(at, true).Draw(t, "until"),
				Parts: rapid.IntRange(-1, 3).Draw(t, "parts"), Late: rapid.Bool().Draw(t, "late"),
				Double: rapid.Bool().Draw(t, "double"), Inferred: rapid.Bool().Draw(t, "inferred"),
			}
		}), 1, 3).Draw(t, "steps")
		want, err := json.Marshal(steps)
		require.NoError(t, err)
		require.Equal(t, string(want), "["+string(appendSteps(nil, steps, false))+"]")
		require.Equal(t, ","+string(appendSteps(nil, steps, false)), string(appendSteps(nil, steps, true)))
	})
}
