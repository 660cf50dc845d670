# shellcheck shell=bash
# Results of Go's tests as ours, sourced by the scripts that run them.

# results FOLDER: each test of its file "output" (of a test binary, run with -test.v) with its result,
# then three numbers to its file "numbers". One that has others inside counts only if
# it failed by itself.
results() {
	local scratch=$1
	awk -v numbers="$scratch/numbers" '
	/^ *--- (PASS|FAIL|SKIP): / {
		result[$3] = $2; time[$3] = $4; order[++count] = $3
		for (parent = $3; sub(/\/[^\/]*$/, "", parent);) {
			inner[parent] = 1
			if ($2 == "FAIL:") broken[parent] = 1
		}
	}
	END {
		for (i = 1; i <= count; i++) {
			name = order[i]
			if (name !~ /\//) groups = groups sprintf("   %6.1f s %s\n", substr(time[name], 2) + 0, name)
			if (inner[name] && !(result[name] == "FAIL:" && !broken[name])) continue
			if (result[name] == "PASS:") { passed++; line = "ok " }
			if (result[name] == "FAIL:") { failed++; line = "not ok " }
			if (result[name] == "SKIP:") { skipped++; line = "skipped " }
			print "   " line name " " time[name]
		}
		printf "time by group:\n%s", groups
		print passed + 0, failed + 0, skipped + 0 >numbers
	}' "$scratch/output"
}
