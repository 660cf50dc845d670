/* The whole pipeline on this machine, for a test: an aggregator and an agent in standalone mode,
 * over NNG with TLS on loopback, looking at cgroups of the test's own. */
#ifndef TESTS_HARNESS_PIPELINE_H
#define TESTS_HARNESS_PIPELINE_H

#include "tests/harness/https.h"
#include "tests/harness/kubectl.h"
#include "tests/harness/process.h"
#include "tests/harness/scratch.h"
#include "tests/harness/test_cgroup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PIPELINE_NODE "test-node"

struct pipeline {
	struct scratch *scratch;
	struct test_cgroups *cgroups;
	struct process *aggregator;
	struct process *agent;
	unsigned agents_port; /* drawn once: a restarted aggregator has the same */
	unsigned api_port;    /* of the aggregator that was started last */
	char token[256];
	const char *kubeconfig;
	const char *ca_file;
	const char *secret_file;
	const char *agent_flag;      /* one more flag for the agents to come, or NULL */
	const char *aggregator_flag; /* the same for aggregators */
	/* A command that the agents to come are run by ("setpriv", …), ends in NULL; or NULL. */
	const char *const *agent_wrapper;
};

/* What is served of a container or a node. */
struct served {
	double cpu;        /* cores */
	double memory;     /* bytes */
	double window;     /* seconds */
	int64_t timestamp; /* seconds since 1970 */
};

/* A TCP port of loopback that nobody has right now. */
unsigned pipeline_free_port(void);

/* Scratch and cgroups; starts nothing. Fails the running cmocka test when it can't. */
struct pipeline *pipeline_new(enum test_driver driver);

/* Ends all processes of the test program, removes cgroups and scratch. Fails the test when agent or
 * aggregator end otherwise than with status 0: a sanitizer has found something. A test that ends
 * one of them itself sets its pointer to NULL. NULL is fine. */
void pipeline_free(struct pipeline *pipeline);

/* Starts it and returns when its API answers. */
void pipeline_start_aggregator(struct pipeline *pipeline);

/* Starts it over this window ("5s") and source ("auto", "bpf", "files"). */
void pipeline_start_agent(struct pipeline *pipeline, const char *window, const char *source);

/* A load ("cpu 250") in a container; ended by process_end(). */
struct process *pipeline_start_load(
	const struct test_container *container, const char *mode, const char *size);

/* GET over a fresh connection, with the token. */
struct https_response pipeline_get(struct pipeline *pipeline, const char *path);

/* The JSON at the path, to be given back; NULL unless the answer is 200 and JSON. */
json_t *pipeline_get_json(struct pipeline *pipeline, const char *path);

/* False when it is not served. */
bool pipeline_container(struct pipeline *pipeline, const struct test_container *container,
	struct served *ret_served);
bool pipeline_node(struct pipeline *pipeline, struct served *ret_served);

/* Our own reading of the CPU that a container used since the first: in cores. A busy machine does
 * not give a load its share all the time, and then a figure that is not that share is not false. */
struct own_cpu {
	uint64_t ms, usec;
};
struct own_cpu pipeline_own_cpu(struct pipeline *pipeline, const struct test_container *container);
double pipeline_own_cores(struct pipeline *pipeline, const struct test_container *container,
	const struct own_cpu *since);

/* Whether the CPU that is served is what cpu.stat says of the last `span_ms`, up to `tolerance`
 * (0.05: 5 %) of it; the agent's window should be about as long. On a busy machine a load is
 * uneven, and two spans that are not the same differ: up to five spans are tried, a false figure
 * stays false. */
bool pipeline_cpu_is_true(struct pipeline *pipeline, const struct test_container *container,
	unsigned span_ms, double tolerance);

/* Waits until it is served over a window of at least `window` seconds (0: any), or, with
 * pipeline_wait_gone(), until it isn't any more. The milliseconds that took, or -1 when
 * `timeout_ms` have passed. */
long pipeline_wait_served(struct pipeline *pipeline, const struct test_container *container,
	double window, unsigned timeout_ms);
long pipeline_wait_gone(
	struct pipeline *pipeline, const struct test_container *container, unsigned timeout_ms);

#endif
