# shellcheck shell=bash
# Stages for .ci/run and .ci/long: each has a name, a time and an outcome; all run, and any failure fails the whole.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything below runs in order and none of it as a reader of our input.
exec </dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/goniec-ci.XXXXXX")
chmod 755 "$work"
table=$work/table

# Tests must not see it: goniec takes what begins with GONIEC_ for its settings.
only=${GONIEC_CI_ONLY:-}
unset GONIEC_CI_ONLY

# The linters vet all code, once: .golangci.yml names the build tags.
GOFLAGS="$(go env GOFLAGS) -count=1 -vet=off"
export GOFLAGS

# stage NAME COMMAND...: runs a command and notes how it ended. With GONIEC_CI_ONLY="a b" only stages so named run.
stage() {
  local name=$1 began=$SECONDS was outcome=ok
  shift
  [[ -z $only || " $only " == *" $name "* ]] || return 0
  was=$(cores)
  printf '\n=== %s\n' "$name"
  # A subshell of its own, so that `set -e` holds within it.
  set +e
  ( set -euo pipefail; "$@" )
  local code=$?
  set -e
  (( code == 0 )) || outcome=FAILED
  printf '%-17s %-7s %4d s%s\n' "$name" "$outcome" $((SECONDS - began)) "$(busy "$was")" | tee -a "$table"
}

# cores: what all processors have done since boot, and what of it was idling.
cores() { awk '/^cpu /{for (i = 2; i <= 9; i++) all += $i; print all, $5 + $6}' /proc/stat 2>/dev/null || true; }

# busy CORES: how busy they were since; a stage that is not can go on beside others.
busy() { awk -v was="$1" '{split(was, w); if ($1 > w[1]) printf "  %3d %% busy", 100 - 100 * ($2 - w[2]) / ($1 - w[1])}' <<<"$(cores)"; }

# must NAME COMMAND...: a stage that the later ones cannot do without.
must() {
  stage "$@"
  ! grep -q "^$1 .*FAILED" "$table" 2>/dev/null || finish
}

# beside LANE NAME COMMAND...: a stage that goes on beside those that follow, until `joined`. Those of one lane run one after
# another, those of the lane `low` at a low priority.
beside() {
  local lane=$1 before=${lanes[$1]:-}
  shift
  set -m # a process group of its own, which ends as a whole when the run is interrupted
  (
    trap - EXIT
    [[ $lane != low ]] || renice -n 10 $BASHPID >/dev/null
    while [[ -n $before ]] && kill -0 "$before" 2>/dev/null; do sleep 1; done
    stage "$@"
  ) >"$work/beside.$1" 2>&1 &
  set +m
  lanes[$lane]=$!
  besides+=("$1")
}
declare -A lanes=()

# joined: waits for the stages that go on beside, and shows what they said.
joined() {
  wait
  local name
  for name in "${besides[@]}"; do cat "$work/beside.$name"; done
  besides=() lanes=()
}
besides=()

# counted COMMAND...: runs a command that prints `go test -json`; a failed or skipped test fails it. The counts of a
# failed run are in the tally already.
counted() {
  "$@" | "$work/testsum" -strict -tally "$work/tally.part"
}

# need PACKAGE [COMMAND]: installs a Debian package unless its command (or path) is there.
need() {
  local package=$1 probe=${2:-$1}
  if [[ $probe == /* ]]; then
    compgen -G "$probe" >/dev/null && return
  else
    command -v "$probe" >/dev/null && return
  fi
  if [[ ! -e $work/apt ]]; then
    as_root apt-get update -qq
    touch "$work/apt"
  fi
  echo "installing $package"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}

as_root() { if (( EUID == 0 )); then "$@"; else sudo -n "$@"; fi; }

# real_services [NODES]: Apache Kafka (one for all stages) and the installed PostgreSQL for the rest of this stage.
real_services() {
  local kafka_dir=$work/kafka
  if [[ -e $kafka_dir/addresses ]]; then
    GONIEC_TEST_KAFKA_ADDR=$(<"$kafka_dir/addresses")
  else
    GONIEC_TEST_KAFKA_ADDR=$("$root/.ci/kafka/kafka" start "$kafka_dir" "${1:-1}")
    echo "$GONIEC_TEST_KAFKA_ADDR" >"$kafka_dir/addresses"
  fi
  export GONIEC_TEST_KAFKA=apache GONIEC_TEST_POSTGRES=system GONIEC_TEST_KAFKA_ADDR
  echo "Apache Kafka on $GONIEC_TEST_KAFKA_ADDR, PostgreSQL from $(ls -d /usr/lib/postgresql/*/bin)"
}

cleanup() {
  local job
  for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
  [[ ! -d $work/kafka ]] || "$root/.ci/kafka/kafka" stop "$work/kafka" || true
  rm -rf "$work"
}

# finish: the table of stages, the sums, and the exit code.
finish() {
  local passed=0 failed=0 skipped=0 p f s
  if [[ -f $work/tally.part ]]; then
    while read -r p f s; do passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)); done <"$work/tally.part"
  fi
  # A stage that failed for another reason than a failed test counts as one failure.
  local stages=0
  stages=$(grep -c FAILED "$table" || true)
  (( failed >= stages )) || failed=$stages
  printf '\n%s\n' "--- $((SECONDS / 60)) min $((SECONDS % 60)) s in all"
  cat "$table"
  printf '\n%d passed, %d failed' "$passed" "$failed"
  (( skipped == 0 )) || printf ', %d skipped' "$skipped"
  printf '\n'
  (( failed == 0 && skipped == 0 && passed > 0 )) && exit 0
  exit 1
}

trap cleanup EXIT
trap 'exit 130' INT TERM
cd "$root"
