# shellcheck shell=bash
# Pods as a kubelet with the systemd driver makes them, but of our own: cgroups, log folders, and a
# load in each. Sourced by scripts/demo.
#
# They stand in one folder, "$pods_root" below the root of the cgroup tree, and its name holds our
# process id: runs beside each other don't meet, and what a killed run left is known as such.

pods_v2=         # mount point of the cgroup v2 tree
pods_v1=         # mount point of the v1 memory hierarchy, where v2 has no memory
pods_enabled=()  # controllers that we switched on at the root of the v2 tree
pods_loads=()    # process ids
pods_count=0
pods_prefix=tacho-demo-
pods_root=$pods_prefix$$

# pods_mount TYPE OPTION: mount point of the first such file system; OPTION "" is any.
pods_mount() {
	awk -v type="$1" -v option="$2" '{
		split($0, half, " - ")
		split(half[2], fs, " ")
		if (fs[1] == type && (option == "" || index("," fs[3] ",", "," option ","))) {
			print $5
			exit
		}
	}' /proc/self/mountinfo
}

# The controllers of a folder, handed on to those inside of it. One that can't be is a figure less.
pods_hand_on() {
	local controller
	for controller in cpu memory io pids; do
		grep -qw "$controller" "$1/cgroup.controllers" || continue
		grep -qw "$controller" "$1/cgroup.subtree_control" && continue
		(echo "+$controller" >"$1/cgroup.subtree_control") 2>/dev/null || continue
		[[ $1 != "$pods_v2" ]] || pods_enabled+=("$controller")
	done
}

# Finds the trees and makes our folder in them. 1 when it can't be, after saying why.
pods_begin() {
	pods_v2=$(pods_mount cgroup2 "")
	if [[ -z $pods_v2 ]]; then
		echo "there is no cgroup v2 tree here" >&2
		return 1
	fi
	if ! grep -qw memory "$pods_v2/cgroup.controllers"; then
		pods_v1=$(pods_mount cgroup memory)
	fi
	pods_sweep
	if ! mkdir "$pods_v2/$pods_root" 2>/dev/null; then
		echo "cgroups can't be made in $pods_v2: that takes root on the machine itself" >&2
		return 1
	fi
	[[ -z $pods_v1 ]] || mkdir "$pods_v1/$pods_root" 2>/dev/null || pods_v1=
	pods_hand_on "$pods_v2"
	pods_hand_on "$pods_v2/$pods_root"
}

# pods_add QOS POD CONTAINER LOG_ROOT COMMAND...: QOS is guaranteed, burstable or besteffort.
pods_add() {
	local qos=$1 pod=$2 container=$3 logs=$4 uid id folder path='' procs=()
	shift 4
	uid=$(</proc/sys/kernel/random/uuid)
	id=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')

	mkdir -p "$logs/containers" "$logs/pods/demo_${pod}_$uid/$container"
	: >"$logs/pods/demo_${pod}_$uid/$container/0.log"
	ln -s "$logs/pods/demo_${pod}_$uid/$container/0.log" \
		"$logs/containers/${pod}_demo_${container}-$id.log"

	local level=kubepods-$qos
	[[ $qos != guaranteed ]] || level=kubepods
	for folder in kubepods.slice "$level.slice" "$level-pod${uid//-/_}.slice" \
		"cri-containerd-$id.scope"; do
		[[ $path != */"$folder" ]] || continue # guaranteed pods have no level of their own
		[[ -z $path ]] || pods_hand_on "$pods_v2/$pods_root$path"
		path+=/$folder
		mkdir -p "$pods_v2/$pods_root$path"
		[[ -z $pods_v1 ]] || mkdir -p "$pods_v1/$pods_root$path"
	done
	procs=("$pods_v2/$pods_root$path/cgroup.procs")
	[[ -z $pods_v1 ]] || procs+=("$pods_v1/$pods_root$path/cgroup.procs")
	(
		for file in "${procs[@]}"; do echo "$BASHPID" >"$file"; done
		exec setpriv --pdeathsig TERM "$@"
	) &
	pods_loads+=($!)
	pods_count=$((pods_count + 1))
}

# Removes a folder with all below it; its processes must be gone. The kernel may take a moment to
# notice that they are.
pods_remove() {
	for _ in {1..30}; do
		[[ -d $1 ]] || return 0
		find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
	done
	echo "could not remove $1" >&2
	return 1
}

# What an earlier run left that was killed without mercy.
pods_sweep() {
	local folder
	for folder in "$pods_v2/$pods_prefix"* ${pods_v1:+"$pods_v1/$pods_prefix"*}; do
		[[ ! -d $folder || -d /proc/${folder##*-} ]] || pods_remove "$folder" || true
	done
}

# Call it once the loads have ended.
pods_end() {
	local controller status=0
	[[ -z $pods_v2 ]] || pods_remove "$pods_v2/$pods_root" || status=1
	[[ -z $pods_v1 ]] || pods_remove "$pods_v1/$pods_root" || status=1
	for controller in ${pods_enabled[@]+"${pods_enabled[@]}"}; do
		# refused when somebody beside us uses it by now: then it is theirs
		(echo "-$controller" >"$pods_v2/cgroup.subtree_control") 2>/dev/null || true
	done
	return $status
}
