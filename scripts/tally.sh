# shellcheck shell=bash
# Counting of what passed, sourced by the scripts that run tests. $RESULTS is a file; whoever runs
# tests or checks appends a line "passed failed skipped" to it.

# Sum of one column, 1 to 3.
tally_sum() {
	awk -v column="$1" '{ sum += $column } END { print sum + 0 }' "$RESULTS"
}

# tally_step TITLE COMMAND...: runs it, says how long it took, and goes on whatever happens. A command
# that fails without having counted a failure counts as one: nothing that breaks is lost.
tally_step() {
	local title=$1 before began=$SECONDS
	shift
	printf '\n=== %s\n' "$title"
	before=$(tally_sum 2)
	if ! "$@" && (($(tally_sum 2) == before)); then
		echo "$title: failed"
		echo '0 1 0' >>"$RESULTS"
	fi
	printf -- '--- %s: %d s\n' "$title" $((SECONDS - began))
}

# The last line of a run; false unless something passed and nothing failed.
tally_end() {
	printf '%d passed, %d failed, %d skipped\n' "$(tally_sum 1)" "$(tally_sum 2)" "$(tally_sum 3)"
	(($(tally_sum 1) > 0 && $(tally_sum 2) == 0))
}
