/* The one connection that publishes, in a closed loop: `in_flight` publications are open at a time. */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include "histogram.h"
#include "subscriber.h"

struct publisher {
  int fd;
  struct publish publish;
  uint64_t published;
  uint64_t acks;
  uint64_t *stamps; /* when publication k was handed over, at k & the stream's mask */
  uint8_t *out;
  size_t out_length;
  size_t out_sent;
  uint8_t *in;
  size_t in_length;
};

void publisher_init(struct publisher *publisher, const struct checker *checker, const char *channel,
                    size_t payload_size);

/* Publishes up to `limit` in all; what is due at once leaves in one write.
 * Returns 1 when the socket is full and must be waited for. */
int publisher_write(struct publisher *publisher, const struct checker *checker, uint64_t limit,
                    uint64_t now);

/* Counts acks; their latency goes to `latency` when it is not NULL. */
void publisher_read(struct publisher *publisher, struct checker *checker, uint64_t now,
                    struct histogram *latency);

#endif
