/* libevent's loop as we want it. */
#ifndef BASE_EVENT_LOOP_H
#define BASE_EVENT_LOOP_H

#include <event2/event.h>

/* As event_base_new(), but that what is waited for on a descriptor is told to the kernel once for
 * each round of the loop: a request switches reading off and on, and writing too. No descriptor in
 * it may be a duplicate (dup(2)) of another one in it, nor be closed before its event is deleted:
 * not for libcurl, which does. NULL when memory is short. */
struct event_base *event_loop_new(void);

#endif
