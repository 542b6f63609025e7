/* One measurement: warm up, measure, let everything arrive, let who is behind catch up, and listen for
 * what should not come. */
#ifndef RUN_H
#define RUN_H

#include "laggard.h"
#include "publisher.h"
#include "session.h"

enum phase { WARMING_UP, MEASURING, DRAINING, CATCHING_UP, LISTENING, DONE };

struct options {
  struct target target;
  const struct protocol *protocol;
  int subscribers; /* `stalled` and `slow` included */
  int stalled;     /* never read */
  int slow;        /* read `slow_rate` bytes per second */
  double slow_rate;
  int await_acks; /* the window is opened by acks, not by deliveries */
  size_t payload;
  int words; /* in it, instead of one letter */
  uint64_t in_flight;
  double rate; /* publications per second, whatever comes of them; 0: a closed loop */
  double warmup, seconds, stall;
};

struct run {
  struct options options;
  struct checker checker;
  struct publisher publisher;
  struct subscriber *subscribers; /* those that read */
  int healthy;                    /* their number */
  struct laggards laggards;
  int epoll;
  int slowest;
  int want_write;
  enum phase phase;
  uint64_t phase_ends;
  uint64_t progress_at;
  int unsustained; /* open loop: the server fell so far behind that the schedule was given up */
  struct histogram last, sampled, acked;
  /* counters at the start of the window, then their growth in it */
  uint64_t begin, deliveries, published, due, acks, wire_bytes;
  double seconds, cpu;
};

/* Opens all connections; exits when that fails. */
void run_connect(struct run *run);

/* Measures, until everything published has arrived or something is wrong. */
void run_measure(struct run *run);

#endif
