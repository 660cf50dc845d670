/* How the program's memory is managed, by jemalloc (which a build with sanitizers does without).
 *
 * NNG gives each TLS connection two rings of 16 KiB, of which agents use a page or two; what is
 * freed between them fills the rest in glibc's heap, and stays. Kept apart by size, 5000
 * connections take 170 MB instead of 330 (docs/performance.md).
 *
 * One arena, for threads free what others allocated; memory goes back after a second, for a list
 * or a herd of reconnecting agents needs it only for a moment. */
#include "aggregator/allocator.h"

const char *malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";
