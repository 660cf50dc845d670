/* Which connections a server on this machine has given up although its client can't see that: who
 * does not read never comes to the end of what was sent. The kernel knows the server's ends, too.
 */
#ifndef SCALE_ASKER_CUT_H
#define SCALE_ASKER_CUT_H

#include <stdint.h>

/* Calls `found` with the client's port of each TCP connection to `server_port` whose server's end
 * is closed, but not taken leave of. 0; -errno when the kernel does not tell (then nothing is
 * known). Sees the own network namespace only. */
int asker_cut_scan(uint16_t server_port, int family,
	void (*found)(void *context, uint16_t client_port), void *context);

#endif
