/* What each server is told until a client is subscribed, and what it says to that. */
#ifndef DIALECT_H
#define DIALECT_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum server { TIDEWIRE, WS, BUN, SOCKETIO, NATS };

enum word {
  WORD_HELLO, /* the handshake goes on: `dialect_reply` has the next frame */
  WORD_LIVE,  /* subscribed */
  WORD_PUBLICATION,
  WORD_ACK,
  WORD_NOTHING, /* legal here, and says nothing about publications */
  WORD_FAILURE,
};

enum { EPOCH_SIZE = 64, ID_SIZE = 40 };

struct channel {
  char name[48];
  uint64_t published;
  /* Tidewire: the life of its log, and the offset before the first publication. */
  char epoch[EPOCH_SIZE];
  uint64_t offset_of_zero;
};

/* What Socket.IO's client keeps to go on where it stopped. */
struct ticket {
  char session[ID_SIZE];
  char packet[ID_SIZE];
};

/* Who speaks, and about what. */
struct speaker {
  enum server server;
  const struct channel *channel; /* NULL: does not subscribe */
  const char *token;             /* empty: has none */
  int resumes;                   /* was subscribed before, and wants what it missed */
  uint64_t received;             /* publications of the channel that it has */
  struct ticket *ticket;         /* of Socket.IO; NULL: does not ask for a recovery */
};

enum server dialect_named(const char *name);

/* These three write a whole text and return its length; `dialect_reply` 0 when nothing is to be said any more and the
 * client is live. `step` counts the hellos from 0. */
size_t dialect_request(const struct speaker *speaker, const char *host, int port, char *out,
                       size_t size);
size_t dialect_reply(const struct speaker *speaker, const struct frame *hello, int step, char *out,
                     size_t size);
size_t dialect_publish(const struct speaker *speaker, size_t payload, char *out, size_t size);

enum word dialect_word(enum server server, const struct frame *frame);

/* 1 when the frame was a heartbeat; it is answered now. */
int dialect_heartbeat(enum server server, int fd, const struct frame *frame);

/* Tidewire's `subscribed`: 1 when it gives all that was missed. Fills the channel where that is not known yet. */
int dialect_subscribed(const struct frame *frame, const struct speaker *speaker,
                       struct channel *channel);

/* Keeps the id of the packet, where it has one. */
void dialect_remember(const struct frame *frame, struct ticket *ticket);

#endif
