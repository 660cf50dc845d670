/* The settings that jemalloc looks for by this name. */
#ifndef AGGREGATOR_ALLOCATOR_H
#define AGGREGATOR_ALLOCATOR_H

extern const char *malloc_conf;

#endif
