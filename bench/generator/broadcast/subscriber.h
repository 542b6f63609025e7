/* One subscriber's connection and the check of what it receives (see stream.h). */
#ifndef SUBSCRIBER_H
#define SUBSCRIBER_H

#include <sys/types.h>

#include "inflater.h"
#include "protocol.h"
#include "stream.h"

struct subscriber {
  int fd;
  int number;
  uint64_t position; /* on the canonical stream */
  uint8_t *carry;    /* start of a frame that is not complete and not on the canonical stream */
  size_t carried;
  struct wrapper wrapper;
  uint64_t seen; /* publications whose latency is recorded already */
};

/* What went wrong first; `kind` NULL while nothing has. */
struct problem {
  const char *kind; /* gap, duplicate, reorder, offset, stall, closed, refused, unexpected */
  int subscriber;   /* -1: the publisher */
  uint64_t expected;
  uint64_t received;
  char text[256];
};

struct checker {
  const struct protocol *protocol;
  struct stream stream;
  uint8_t *workspace;
  uint64_t offset_of_zero; /* offset minus sequence number, the same for every publication */
  uint64_t heartbeats;
  uint64_t wire_bytes; /* that subscribers received, before anything is made of them */
  struct inflater *inflater; /* of messages that were compressed once for all; NULL: there are none */
  struct problem problem;
};

void checker_init(struct checker *checker, const struct protocol *protocol, uint64_t publications);

/* Receives up to `size` bytes, as `recv` does, and unwraps them. 0: closed, in whichever way;
 * -1 with EAGAIN: nothing to look at yet. */
ssize_t checker_receive(struct checker *checker, int fd, struct wrapper *wrapper,
                        uint8_t *data, size_t size);

/* As `protocol_decode`, and looks into messages that were compressed once for all. */
long checker_decode(const struct checker *checker, const struct protocol *protocol,
                    const uint8_t *data, size_t size, struct frame *frame);

/* Reads once from the socket and checks. Sets `checker->problem`. */
void subscriber_read(struct checker *checker, struct subscriber *subscriber);

/* Keeps bytes that came behind the handshake. */
void subscriber_carry(struct subscriber *subscriber, const uint8_t *bytes, size_t length);

/* Sets the problem, if there is none yet, with what the server said. */
void checker_fail(struct checker *checker, const char *kind, int subscriber,
                  const struct frame *frame);

/* Answers pings of either kind; 0 when the frame is something else. */
int checker_heartbeat(struct checker *checker, int fd, const struct frame *frame);

/* Bytes a connection reads at once, and room before them for a frame that was cut off. */
enum { READ_SIZE = 256 << 10, CARRY_SIZE = (1 << 20) + 64 };

#endif
