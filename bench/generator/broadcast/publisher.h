/*
 * The one connection that publishes. In a closed loop a publication goes as soon as another is complete;
 * in an open loop each has its time, and counts from then on, whether it could leave or not.
 */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include "histogram.h"
#include "subscriber.h"

struct publisher {
  int fd;
  const struct protocol *protocol;
  struct wrapper wrapper;
  double interval; /* nanoseconds between two publications; 0: a closed loop */
  uint64_t started; /* when the first was due */
  struct publish publish;
  uint64_t published;
  uint64_t acks;
  uint64_t *stamps; /* when publication k was due or handed over, at k & the stream's mask */
  uint8_t *out;
  size_t out_length;
  size_t out_sent;
  uint8_t *in;
  size_t in_length;
};

/* `words`: payloads are text that compresses like one, and no two are the same. */
void publisher_init(struct publisher *publisher, const struct checker *checker, const char *channel,
                    size_t payload_size, int words);

/* How many publications are due in all; open loop only. */
uint64_t publisher_due(const struct publisher *publisher, uint64_t now);

/* When publication k is due; open loop only. */
uint64_t publisher_time_of(const struct publisher *publisher, uint64_t publication);

/* Publishes up to `limit` in all; what is due at once leaves in one write.
 * Returns 1 when the socket is full and must be waited for. */
int publisher_write(struct publisher *publisher, const struct checker *checker, uint64_t limit,
                    uint64_t now);

/* Counts acks; their latency goes to `latency` when it is not NULL. */
void publisher_read(struct publisher *publisher, struct checker *checker, uint64_t now,
                    struct histogram *latency);

#endif
