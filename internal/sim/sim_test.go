package sim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	seedFlag  = flag.Uint64("sim.seed", 0, "live through this seed alone, and print what happens")
	seedsFlag = flag.Uint64("sim.seeds", 200, "how many seeds")
	briefFlag = flag.Bool("sim.brief", false, "print no trace of a seed that fails")
	procsFlag = flag.Int("sim.procs", 1, "share the seeds among so many processes")
	firstFlag = flag.Uint64("sim.first", 1, "the first seed")
)

// One processor: what several goroutines of one process do at the same moment is
// then done in the same order each time. A seed leaves little behind, so collecting
// seldom costs a few hundred megabytes and saves a quarter of the time.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(1600)
	debug.SetMemoryLimit(1 << 30)
	os.Exit(m.Run())
}

// live lives through one seed and says what was wrong.
func live(t *testing.T, seed uint64, trace func(string)) (failures []string, steps int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed) // of keys: how much of a file is lost in a crash hangs on its bytes
		w := newWorld(seed, trace)
		w.run()
		failures, steps = w.failures, w.steps
	})
	return failures, steps
}

// The same seed makes the same things happen, line by line.
func TestSameSeedSameStory(t *testing.T) {
	for seed := uint64(1); seed <= 50; seed++ {
		var first, second []string
		live(t, seed, func(line string) { first = append(first, line) })
		live(t, seed, func(line string) { second = append(second, line) })
		require.Equal(t, first, second, "seed %d", seed)
	}
}

func TestSimulation(t *testing.T) {
	switch {
	case *seedFlag > 0:
		failures, _ := live(t, *seedFlag, func(line string) { fmt.Println(line) })
		require.Empty(t, failures)
	case *procsFlag > 1:
		shareOut(t)
	default:
		liveAll(t)
	}
}

// liveAll lives through the seeds until one fails; then it tells that one's story.
func liveAll(t *testing.T) {
	began, total := time.Now(), 0
	for seed := *firstFlag; seed < *firstFlag+*seedsFlag; seed++ {
		failures, steps := live(t, seed, nil)
		if total += steps; len(failures) == 0 {
			continue
		}
		if !*briefFlag {
			live(t, seed, func(line string) { fmt.Println(line) })
		}
		fmt.Printf("found after %d seeds, seed %d: %s\n", seed-*firstFlag+1, seed, failures[0])
		require.Empty(t, failures, "seed %d; go test ./internal/sim -run TestSimulation -sim.seed %d", seed, seed)
	}
	fmt.Printf("%d seeds, %d steps, %s\n", *seedsFlag, total, time.Since(began).Round(time.Millisecond))
}

// shareOut starts processes of this program, each with its part of the seeds.
func shareOut(t *testing.T) {
	per := *seedsFlag / uint64(*procsFlag)
	for i := range uint64(*procsFlag) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSimulation$", "-test.timeout=0",
				fmt.Sprintf("-sim.first=%d", *firstFlag+i*per), fmt.Sprintf("-sim.seeds=%d", per))
			run.Env = append(os.Environ(), "GOMAXPROCS=1")
			out, err := run.CombinedOutput()
			require.NoError(t, err, "%s", out)
			t.Logf("%s", out)
		})
	}
}
