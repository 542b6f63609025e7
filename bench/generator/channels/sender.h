/*
 * A connection that publishes: in a closed loop, where a number of messages is open at a time, or by a
 * schedule, where messages are stamped with the time at which they were due.
 *
 * A message is in flight until it is acknowledged and all its subscribers have it. The flights are a
 * ring; it bounds how far the slowest may be behind.
 */
#ifndef SENDER_H
#define SENDER_H

#include "check.h"
#include "connection.h"
#include "histogram.h"
#include "plan.h"

struct flight {
  uint64_t stamp;
  uint32_t undelivered;
  uint32_t unacked;
};

struct sender {
  struct connection connection;
  uint32_t publisher;
  uint64_t published; /* number of the newest message */
  uint64_t settled;   /* all up to this one are through */
  uint64_t open;      /* messages in the window */
  uint64_t acks;
  struct flight *flights;
  uint64_t mask;
  uint8_t *out;
  size_t out_length, out_sent;
  uint64_t next_due; /* ns, by schedule */
};

struct sending {
  const struct plan *plan;
  const struct template *template;
  uint32_t fan;      /* connections that receive a message */
  int acks;          /* every message is acknowledged */
  int await_acks;    /* acks open the window, not deliveries */
  uint64_t window;   /* messages open at a time, of each sender */
  uint64_t packet;   /* messages in a write; 0: what is due at once */
  uint64_t interval; /* ns from one scheduled message of a sender to the next; 0: closed loop */
  uint32_t *ledger;  /* highest acknowledged sequence number, by channel and publisher; or NULL */
  struct problem *problem;
  struct histogram *last, *acked; /* NULL: not measured now */
  uint64_t messages_acked;
};

void sender_init(struct sender *sender, const struct sending *sending, uint32_t publisher);

/* Publishes what is due. Returns 1 when the socket is full and must be waited for. */
int sender_write(struct sender *sender, const struct sending *sending, uint64_t now);

/* Reads acks. Returns 0 when the connection is closed. */
int sender_read(struct sender *sender, struct sending *sending, struct reader *reader, uint64_t now);

/* One of the subscribers has message `number`: when it was due, or 0: there is no such message. */
uint64_t sender_delivered(struct sender *sender, struct sending *sending, uint64_t number,
                          uint64_t now);

#endif
