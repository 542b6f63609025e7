/* A socket that speaks a dialect, read message by message. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "dialect.h"

enum { READ_SIZE = 256 << 10, CARRY_SIZE = (1 << 20) + 64 };

struct target {
  const char *host;
  int port;
  const char *path; /* NULL: the dialect's own */
  struct names names;
};

struct connection {
  int fd;
  int want_write;
  int closed;
  uint8_t *carry; /* start of a message that is not complete */
  size_t carried;
};

/* What all connections share: they are read one after the other. */
struct reader {
  const struct dialect *dialect;
  struct hints delivery_hints, ack_hints;
  uint8_t *workspace;
  const uint8_t *data;
  size_t size;
  uint64_t pings;
};

void reader_init(struct reader *reader, const struct dialect *dialect);

/* Connects and brings the session to the point where it may publish or subscribe; exits when it
 * cannot. */
void connection_open(struct connection *connection, struct reader *reader,
                     const struct target *target, const char *path);

/* Subscribes with a text in which %c is the channel and %j is `number`. Each is answered once. */
void connection_subscribe(struct connection *connection, struct reader *reader, const char *text,
                          const char *channel, const char *number);
void connection_await_subscribed(struct connection *connection, struct reader *reader);

/* Reads once from the socket: 1: there are bytes, 0: none now, -1: it is closed. */
int reader_fill(struct reader *reader, struct connection *connection);

/* The next message: 1; 0: no more that is complete; -1: not the dialect. Pings are answered here. */
int reader_next(struct reader *reader, struct connection *connection, struct hints *hints,
                struct message *message);

/* Keeps what `reader_next` has left. */
void reader_keep(struct reader *reader, struct connection *connection);

#endif
