/* One measurement: warm up, measure, let everything arrive, listen for what should not come. */
#ifndef RUN_H
#define RUN_H

#include "receiver.h"

enum phase { WARMING_UP, MEASURING, UNTIL_CLOSED, DRAINING, LISTENING, DONE };

struct options {
  struct target target;
  const char *subscribe_protocol; /* of the subscribers, where it is not that of the publishers */
  const char *subscribe_path;
  const struct dialect *dialect;
  struct plan plan;
  int acks;         /* ask for acks where the server lets one choose */
  int await_acks;   /* acks open the window, not deliveries */
  int until_closed; /* then go on until the server ends the connections, and write the ledger */
  const char *ledger;
  size_t payload;
  uint64_t in_flight, packet;
  double rate; /* messages a second, of all publishers; 0: closed loop */
  double warmup, seconds, stall;
};

struct counters {
  uint64_t deliveries, published, acks, bytes;
  double cpu;
};

struct run {
  struct options options;
  struct reader reader, publisher_reader;
  struct template template;
  struct sender *senders;
  struct receiver *receivers;
  struct sending sending;
  struct receiving receiving;
  struct problem problem;
  int epoll;
  uint32_t closed; /* publishers, in the phase that awaits it */
  enum phase phase;
  uint64_t phase_ends, progress_at, progress, begin;
  struct histogram last, delivered, acked;
  struct counters window; /* at its beginning, then its growth */
  double seconds;
};

/* Opens all connections; exits when that fails. */
void run_connect(struct run *run);

/* Measures, until everything published has arrived or something is wrong. */
void run_measure(struct run *run);

/* Of the whole run so far. */
struct counters run_counters(const struct run *run);

#endif
