/* Whether small files have changed: certificates, keys, tokens, CAs.
 *
 * A look is one stat(2) a file and reads nothing, so it may be taken each second; see file_stamp.h
 * for what it tells.
 *
 * Start the watch before the files are read for the first time: what changes in between is then a
 * change. */
#ifndef BASE_FILE_WATCH_H
#define BASE_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct file_watch;

/* Takes the first look. The paths are copied; NULL and "" among them are passed over. The files
 * need not be there. NULL when memory is short. */
struct file_watch *file_watch_new(const char *const *paths, size_t count);
void file_watch_free(struct file_watch *watch);

/* True when any of the files has changed since the last look (the first one included), which this
 * one replaces: then read them. Blocks on the disk. One thread at a time. */
bool file_watch_changed(struct file_watch *watch);

#endif
