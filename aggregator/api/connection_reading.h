/* What is read of a client, and what the kernel is told about it.
 *
 * evhttp stops reading while it answers and goes on afterwards, which is two epoll_ctl(2) a
 * request; a second event on the same socket, which stays, makes it none. OpenSSL takes all that
 * has come by one read(2); libevent, which learns from the kernel alone that there is something to
 * read, is told of what waits in OpenSSL. */
#ifndef API_CONNECTION_READING_H
#define API_CONNECTION_READING_H

struct connection;

/* Of a new connection. 0, or -ENOMEM. */
int connection_reading_start(struct connection *connection);

/* A request has come whole. */
void connection_reading_pause(struct connection *connection);

/* It is answered, and the connection stays or ends. */
void connection_reading_resume(struct connection *connection);

/* Before the socket is closed. */
void connection_reading_stop(struct connection *connection);

#endif
