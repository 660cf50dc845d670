/* The kernel's cgroup files: reading one anew through a held fd, and picking a few numbers out of
 * the text. Nothing is allocated. Formats: Documentation/admin-guide/cgroup-v2.rst, "Format". */
#ifndef AGENT_CGROUP_FILE_H
#define AGENT_CGROUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest file that is read, in bytes. memory.stat is about 2 KB; io.stat has 100 bytes a
 * device. */
#define CGROUP_FILE_MAX 65536

/* At most 32 keys a file: a result is a bit each. */
struct cgroup_file_key {
	const char *name;
	size_t length;
	bool largest; /* of a nested-keyed file: the largest one, not the sum; absent in all =
			 absent */
};

/* Bit i stands for keys[i]. What is in none of them is not in the file. */
struct cgroup_file_result {
	uint32_t found;     /* values[i] was set */
	uint32_t malformed; /* the key is there without a number */
	uint32_t too_large; /* the number is beyond 64 bits */
};

/* Reads the file from its start into `buffer`. Its length, or -errno: -EFBIG when it is longer than
 * CGROUP_FILE_MAX, -ENODEV when the cgroup was removed. */
ssize_t cgroup_file_read(int fd, char buffer[CGROUP_FILE_MAX]);

/* One number and a newline. 0, -EINVAL ("max" is not a number) or -ERANGE. */
int cgroup_file_number(const char *text, size_t length, uint64_t *ret_value);

/* A limit: one number, or "max" for none: -ENOENT. v1 says the largest number of whole pages: the
 * same. */
int cgroup_file_limit(const char *text, size_t length, uint64_t *ret_value);

/* Flat-keyed: "key value\n" lines. Other lines are skipped; of a key that comes twice, the first
 * counts. values[i] is left alone unless found. */
struct cgroup_file_result cgroup_file_flat(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values);

/* Nested-keyed: "8:0 rbytes=1 wbytes=2\n" lines, each key summed over the lines. A sum beyond 64
 * bits stays at the largest number. A key that no line has is 0 and found: io.stat is empty until
 * there was I/O. */
struct cgroup_file_result cgroup_file_nested(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values);

/* Pressure: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" lines; a key is the first word, its
 * value the total, in microseconds. Documentation/accounting/psi.rst. */
struct cgroup_file_result cgroup_file_pressure(const char *text, size_t length,
	const struct cgroup_file_key *keys, size_t count, uint64_t *values);

#endif
