/* What differs between the servers: how to subscribe, how a publish looks, what a frame means. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { DIGITS = 12 }; /* of the sequence number that every payload begins with */

enum meaning {
  MEANS_PUBLICATION,
  MEANS_ACK,
  MEANS_HEARTBEAT, /* of the protocol above WebSocket; answered with `heartbeat_answer` */
  MEANS_NOTHING,   /* a frame that is legal here and says nothing about publications */
  MEANS_FAILURE,   /* the server says that something went wrong */
  MEANS_UNKNOWN,
};

struct protocol {
  const char *name;
  const char *subscriber_path;
  const char *publisher_path;
  const char *subprotocol;
  int acks;                      /* the server acknowledges every publication */
  int offsets;                   /* deliveries carry consecutive offsets, which are checked too */
  const char *await_first;       /* part of the frame that opens the session; NULL: none comes */
  const char *hello;             /* then sent by every connection; NULL: nothing */
  const char *await_hello;       /* part of the answer */
  const char *subscribe;         /* with %s for the channel; NULL: the path says it all */
  const char *await_subscribe;
  const char *heartbeat;         /* whole text of a heartbeat frame; NULL: only RFC 6455 pings */
  const char *heartbeat_answer;
  const char *publish;           /* with %p for the payload, %i for the message id, %c for the channel */
};

const struct protocol *protocol_named(const char *name);

enum meaning protocol_meaning(const struct protocol *protocol, const struct frame *frame);

/* The sequence number in the payload of a publication; 0 when there is none. */
uint64_t protocol_sequence(const struct frame *frame);

/* The sequence number of the publish that an ack answers; 0 when there is none. */
uint64_t protocol_ack_sequence(const struct frame *frame);

/* `metadata.offset` of a delivery; 0 when there is none. */
uint64_t protocol_offset(const struct frame *frame);

/* A prebuilt publish: patch the digits, send the bytes. */
struct publish {
  uint8_t *bytes;
  size_t length;
  size_t digits[2];
  int places;
};

void publish_build(struct publish *publish, const struct protocol *protocol, const char *channel,
                   size_t payload_size);

/* Copies the publish with its sequence number to `out`. */
void publish_write(const struct publish *publish, uint64_t sequence, uint8_t *out);

#endif
