/* What differs between the servers: how to subscribe, how a publish looks, what a frame means. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "unwrap.h"
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

/* Where a message ends. */
enum framing {
  BY_FRAME, /* with its WebSocket frame */
  BY_LINE,  /* NATS: a line, and behind MSG as many bytes as it says */
  BY_EVENT, /* event streams: an empty line */
  BY_OBJECT, /* Centrifugo: with the brace that closes it */
};

struct protocol {
  const char *name;
  enum framing framing;
  enum wrapping wrapping;
  const char *publisher;         /* the protocol that the publisher speaks; NULL: the same */
  const char *subscriber_path;
  const char *publisher_path;
  const char *subprotocol;
  int acks;                      /* the server acknowledges every publication */
  int offsets;                   /* deliveries carry consecutive offsets, which are checked too */
  const char *await_first;       /* part of the frame that opens the session; NULL: none comes */
  const char *hello;             /* then sent by every connection; NULL: nothing */
  const char *await_hello;       /* part of the answer */
  const char *subscribe;         /* with %c for the channel, and %s for `since` or nothing; NULL: the
                                  * path says it all */
  const char *since;             /* with %s for an epoch and %llu for an offset; NULL: no resuming */
  const char *await_subscribe;
  const char *heartbeat;         /* whole text of a heartbeat frame; NULL: only RFC 6455 pings */
  const char *heartbeat_answer;
  const char *publish;           /* %p: the payload, %n: its length, %i: the message id, %u: the number of
                                  * the command, %c: the channel */
};

const struct protocol *protocol_named(const char *name);

/* Length of the whole message at `data`, and the message as if it were a frame; 0 when it is not
 * complete yet; -1 when it is none. `data` is what `unwrap` left. */
long protocol_decode(const struct protocol *protocol, const uint8_t *data, size_t size,
                     struct frame *message);

enum meaning protocol_meaning(const struct protocol *protocol, const struct frame *frame);

/* The sequence number in the payload of a publication; 0 when there is none. */
uint64_t protocol_sequence(const struct frame *frame);

/* The sequence number of the publish that an ack answers; 0 when there is none. */
uint64_t protocol_ack_sequence(const struct protocol *protocol, const struct frame *frame);

/* `metadata.offset` of a delivery; 0 when there is none. */
uint64_t protocol_offset(const struct frame *frame);

/* The text behind `"key":"` up to the next quote, or "" when there is none or no room. */
void protocol_string(const struct frame *frame, const char *key, char *text, size_t capacity);

/* A prebuilt publish: patch the digits, send the bytes. */
struct publish {
  uint8_t *bytes;
  size_t length;
  size_t digits[2]; /* where they go */
  int widths[2];    /* how many of them */
  int places;
  size_t filler; /* where the bytes are that fill the payload up */
  size_t filler_length;
  const uint8_t *text; /* what they are instead of one letter, a piece for each publication; NULL: nothing */
  size_t text_length;
};

void publish_build(struct publish *publish, const struct protocol *protocol, const char *channel,
                   size_t payload_size);

/* Copies the publish with its sequence number to `out`. */
void publish_write(const struct publish *publish, uint64_t sequence, uint8_t *out);

#endif
