/*
 * Subscribers that read too slowly, or not at all, until the load is over; then they catch up.
 *
 * They are no part of the canonical stream (see stream.h), which would have to be kept for them: their
 * publications are checked by their numbers. A server may disconnect them, or tell them that they missed
 * something; both are counted. Where one can resume, who was disconnected does, from the last position:
 * everything then comes after all, or it is said that it cannot. What is left out silently is a mistake of a server that promises offsets,
 * and is counted where nothing is promised.
 */
#ifndef LAGGARD_H
#define LAGGARD_H

#include "session.h"

struct laggard {
  int fd;
  int number;
  int reads;      /* slowly; else not at all */
  int told;       /* that it is too slow, or that publications are missing */
  int may_skip;   /* it was told just now */
  int let_go;     /* disconnected by the server */
  int ended;      /* and nothing more comes */
  int resumed;    /* it asked for the rest, which is done once */
  char epoch[128];
  uint64_t next;  /* sequence number */
  struct wrapper wrapper;
  uint8_t *carry; /* of a message that is not complete */
  size_t carried;
};

struct laggards {
  struct laggard *all;
  int count;
  const struct target *target;
  double bytes_per_second;
  uint64_t read_at; /* when any of them read last */
  uint64_t missed;  /* publications that were left out without a word */
};

/* `slow` of them read; the others do not. They are the subscribers from number `first` on. */
void laggards_connect(struct laggards *laggards, struct checker *checker,
                      const struct target *target, int first, int stalled, int slow,
                      double bytes_per_second);

/* Lets the slow ones read what they may by now. */
void laggards_tick(struct laggards *laggards, struct checker *checker, uint64_t now);

/* Lets all read as fast as they can. Returns 1 when each has either everything up to `published`, or was
 * let go for good, or (where nothing is promised) nothing more for `patience` nanoseconds. Then sets `missed`. */
int laggards_catch_up(struct laggards *laggards, struct checker *checker, uint64_t published,
                      uint64_t now, uint64_t patience);

#endif
