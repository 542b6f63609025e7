/* What differs between the servers: how a session opens, how a publish looks, what an answer means. */
#ifndef DIALECT_H
#define DIALECT_H

#include <stddef.h>
#include <stdint.h>

#include "template.h"

enum kind {
  KIND_DELIVERY,
  KIND_ACK,
  KIND_PING,    /* to be answered */
  KIND_NOTHING, /* legal here, and says nothing about publications */
  KIND_FAILURE, /* the server says that something went wrong */
  KIND_CLOSED,
  KIND_UNKNOWN,
};

/* The ack is for the oldest message of the connection that has none. */
enum { NUMBER_OF_OLDEST = 0 };

struct message {
  enum kind kind;
  const uint8_t *mark; /* delivery: the digits of the payload */
  const uint8_t *channel; /* delivery: the digits of the channel outside the payload; NULL: not there */
  uint64_t offset;     /* delivery: its place in the log; 0: the server has none */
  uint64_t number;     /* ack: of what message */
  const uint8_t *text; /* what the server said, for answers and reports */
  size_t length;
};

/* Where things stood in the messages before: looked at first, so that a search is rare. */
struct hints {
  size_t mark, offset, channel, ack;
  size_t prefix;  /* length of a channel's name before its digits */
  uint32_t parts; /* publications that an ack must confirm */
};

struct dialect {
  const char *name;
  const char *publisher_path, *subscriber_path; /* NULL: not WebSocket */
  const char *subprotocol;
  const char *opens[4];    /* in turn: await this, say that, await this, …; "" skips, NULL ends */
  const char *subscribe;   /* %c: channel, %j: its number on this connection; NULL: the path says it */
  const char *subscribed;  /* part of the answer */
  const char *inbox;       /* how publisher %j subscribes to its acks, answered as `subscribe` */
  struct format publish;   /* without acks */
  struct format acked;     /* with; a NULL body: there are none */
  struct format batch;     /* to all channels at once, acked */
  int always_acks;
  int offsets;             /* deliveries carry consecutive offsets, which are checked too */
  /* Length of the whole message at `data`; 0: incomplete; -1: not one of this dialect. */
  long (*decode)(struct hints *hints, const uint8_t *data, size_t size, struct message *message);
  void (*answer)(int fd, const struct message *ping);
};

const struct dialect *dialect_named(const char *name);

extern const struct dialect dialect_tidewire, dialect_ws, dialect_socketio, dialect_nats, dialect_http,
    dialect_nchan, dialect_nchan_ws;

/* Looks for `text` at `*hint`, then everywhere, and remembers where it was. */
const uint8_t *find_at(const struct message *message, const char *text, size_t length, size_t *hint);

/* The same with a hint that counts from the end. */
const uint8_t *find_from_end(const struct message *message, const char *text, size_t length,
                             size_t *hint);

/* Finds the mark of a payload; 0 when there is none, or not all of it. */
int find_mark(struct hints *hints, struct message *message);

/* A number of at most `most` digits that ends at the first other byte. */
uint64_t number_at(const uint8_t *at, const struct message *message);

#endif
