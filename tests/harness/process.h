/* Child processes of a test: the programs under test, loads, kubectl. */
#ifndef TESTS_HARNESS_PROCESS_H
#define TESTS_HARNESS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process;

struct process_options {
	const char *const *argv;        /* ends in NULL; argv[0] is looked up on the PATH */
	const char *output;             /* file for standard output; NULL: /dev/null */
	const char *errors;             /* file for standard error; NULL: our own */
	const char *const *join;        /* cgroup.procs files to enter first; ends in NULL */
	const char *const *environment; /* "NAME=value" to set besides ours; ends in NULL */
};

/* Path of a program of the build under test: "tacho-agent", "demo/load". $BUILD says the folder,
 * "build" when it is unset. The text is overwritten by the next call. */
const char *process_program(const char *name);

/* Starts it. It is killed when the test program dies. Fails the running cmocka test when it can't
 * be started. */
struct process *process_start(const struct process_options *options);

pid_t process_id(const struct process *process);
void process_signal(const struct process *process, int signal);

/* Waits for its end: its exit status, 128 + the signal that killed it, or -1 when it still runs
 * after `timeout_ms`. May be called again after its end. */
int process_wait(struct process *process, unsigned timeout_ms);
bool process_alive(struct process *process);

/* Waits until `text` stands in the file that `errors` names. False when `timeout_ms` have passed,
 * or when it ended without. */
bool process_wait_log(struct process *process, const char *text, unsigned timeout_ms);

/* Ends it (SIGTERM, then after 10 s SIGKILL), frees it, and returns the exit status as
 * process_wait() does. NULL is fine: -1. */
int process_end(struct process *process);

/* Kills all that were started and not ended: for a test's teardown. */
void process_end_all(void);

#endif
