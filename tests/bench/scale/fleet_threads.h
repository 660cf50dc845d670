/* How NNG's threads stand to others. */
#ifndef SCALE_FLEET_THREADS_H
#define SCALE_FLEET_THREADS_H

/* Starts NNG with threads that are `steps` nicer (nice(2)) than the calling one. Only the first
 * call of anything of NNG starts it: from then on this does nothing. Blocks for a moment. 0 or
 * -errno. */
int fleet_threads_start(int steps);

#endif
