# shellcheck shell=bash
# Counting of what passed, sourced by the scripts that run tests, which set pipefail. $RESULTS is a
# file; whoever runs tests or checks appends a line "passed failed skipped" to it. What the steps said
# is in $RESULTS.said until tally_done.

# Sum of one column, 1 to 3.
tally_sum() {
	awk -v column="$1" '{ sum += $column } END { print sum + 0 }' "$RESULTS"
}

# tally_step TITLE COMMAND...: runs it, says how long it took, and goes on whatever happens. A command
# that fails without having counted a failure counts as one: nothing that breaks is lost.
tally_step() {
	local title=$1 before began=$SECONDS
	shift
	printf '\n=== %s\n' "$title" | tee -a "$RESULTS.said"
	before=$(tally_sum 2)
	if ! "$@" 2>&1 | tee -a "$RESULTS.said" && (($(tally_sum 2) == before)); then
		echo "$title: failed" | tee -a "$RESULTS.said"
		echo '0 1 0' >>"$RESULTS"
	fi
	printf -- '--- %s: %d s\n' "$title" $((SECONDS - began))
}

# What failed, each beneath the program that it belongs to, as the steps said it.
tally_failed() {
	awk '/^== / { program = $2 ": " }
		/^ *not ok / && !/# SKIP/ { sub(/^ */, ""); print program $0 }
		/^=== / { program = "" }
		/: failed$/' "$RESULTS.said" | awk '!seen[$0]++'
}

tally_done() {
	rm -f "$RESULTS" "$RESULTS.said"
}

# The last line of a run, after what failed; false unless something passed and nothing failed.
tally_end() {
	(($(tally_sum 2) == 0)) || tally_failed
	printf '%d passed, %d failed, %d skipped\n' "$(tally_sum 1)" "$(tally_sum 2)" "$(tally_sum 3)"
	(($(tally_sum 1) > 0 && $(tally_sum 2) == 0))
}
