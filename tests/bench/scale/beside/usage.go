package beside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// tick is what /proc counts CPU time in: USER_HZ, 100 on every architecture that Go runs on.
const tick = 0.01

// cpuSeconds is what a process has used so far, threads that have ended included.
func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// the name, in parentheses, may hold anything; utime and stime are fields 14 and 15
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields))
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 64)
	system, err2 := strconv.ParseUint(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	return float64(user+system) * tick, nil
}

// memory of a process in KiB: what is resident, the most that ever was, and the part that is its own.
func memory(pid int) (*Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	memory := &Memory{}
	wanted := map[string]*uint64{"VmRSS:": &memory.ResidentKiB, "VmHWM:": &memory.PeakKiB,
		"RssAnon:": &memory.AnonymousKiB}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 || wanted[fields[0]] == nil {
			continue
		}
		if *wanted[fields[0]], err = strconv.ParseUint(fields[1], 10, 64); err != nil {
			return nil, err
		}
	}
	return memory, nil
}
