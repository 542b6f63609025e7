/* A connection that subscribes, and the check of what it receives. */
#ifndef RECEIVER_H
#define RECEIVER_H

#include "sender.h"

struct receiver {
  struct connection connection;
  int number;
  struct walk walk;
  uint32_t *sequences; /* the last one received, by slot of the channel and publisher */
  uint64_t *offsets;   /* the last one received, by slot */
};

struct receiving {
  const struct plan *plan;
  struct sender *senders;
  struct sending *sending;
  struct reader *reader;
  struct histogram *delivered; /* NULL: not measured now */
  uint64_t deliveries, bytes;
};

/* Opens the connection and subscribes; exits when that fails. */
void receiver_open(struct receiver *receiver, struct receiving *receiving,
                   const struct target *target, int number);

/* Reads once. Returns 0 when the connection is closed. */
int receiver_read(struct receiver *receiver, struct receiving *receiving, uint64_t now);

#endif
