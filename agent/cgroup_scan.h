/* Reads one folder of the cgroup tree, and brings the index in line with it: what is new in it, and
 * since when; what has gone. */
#ifndef AGENT_CGROUP_SCAN_H
#define AGENT_CGROUP_SCAN_H

#include "agent/cgroup_index.h"
#include "agent/cgroup_trouble.h"
#include "base/buffer.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_SCAN_ENTRIES_SIZE 32768

/* A zeroed one, and cgroup_scan_init(). */
struct cgroup_scan {
	/* The owner's. */
	int v2; /* an fd of the v2 mount point */
	struct cgroup_index *index;
	struct cgroup_trouble *trouble;

	uint64_t round; /* counts readings of folders */
	/* of the look that goes on */
	uint64_t now_ns;      /* CLOCK_MONOTONIC */
	uint64_t realtime_ns; /* CLOCK_REALTIME at now_ns */
	uint64_t started_ns;  /* CLOCK_REALTIME_COARSE, the clock of the folders' times */
	uint64_t last_ns;     /* now_ns of the look before */
	bool looked;          /* there was a look before */
	struct buffer found;  /* names, each with its NUL, that the folder being read has got */
	char entries[CGROUP_SCAN_ENTRIES_SIZE];

	struct telemetry_series *reads;
};

void cgroup_scan_init(struct cgroup_scan *scan, int v2, struct cgroup_index *index,
	struct cgroup_trouble *trouble, struct telemetry *telemetry);
void cgroup_scan_free(struct cgroup_scan *scan);

/* Around the folders of one look: a cgroup that the look before did not show came between them. */
void cgroup_scan_begin(struct cgroup_scan *scan, uint64_t now_ns);
void cgroup_scan_end(struct cgroup_scan *scan);

/* Reads it whatever it is marked as, and takes the mark `dirty` from it unless it has to be read
 * again. Folders that are new in it are added, not read. At most 65,536 cgroups and as many folders
 * are held, 16 slices deep; what is beyond is left out, and said. */
void cgroup_scan_folder(struct cgroup_scan *scan, struct cgroup_folder *folder);

#endif
