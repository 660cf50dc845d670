package run

import (
	"fmt"
	"syscall"
)

// RaiseLimits lets us and who is started by us have so many files open, or as many as we may. Go would
// give children the limit back that we were started with, unless it was set by the program.
func RaiseLimits(wanted, needed uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Max < wanted { // the mighty may
		more := syscall.Rlimit{Cur: wanted, Max: wanted}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil {
			return nil
		}
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	if limit.Max < needed {
		return fmt.Errorf("%d files may be open at a time, and %d are needed: ulimit -Hn", limit.Max, needed)
	}
	return nil
}
