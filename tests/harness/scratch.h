/* A temporary folder that lives as long as a test. */
#ifndef TESTS_HARNESS_SCRATCH_H
#define TESTS_HARNESS_SCRATCH_H

struct scratch;

/* Fails the running cmocka test when the folder can't be made. */
struct scratch *scratch_new(void);

/* Removes the folder with all that is in it. NULL is fine. */
void scratch_free(struct scratch *scratch);

/* "<folder>/<name>", which lives as long as the scratch; "" gives the folder itself. */
const char *scratch_path(struct scratch *scratch, const char *name);

/* Makes the file with these bytes (mode 0600) and returns its path. */
const char *scratch_write(struct scratch *scratch, const char *name, const char *text);

/* The whole file as a string, "" when there is none yet; the caller frees it. */
char *scratch_read(const char *path);

#endif
