/*
 * Some protocols send a stream of their own in pieces that end anywhere: NATS in WebSocket frames,
 * event streams in HTTP chunks. Centrifugo sends several messages in a frame, separated by line feeds. What all subscribers share is the stream, not the pieces, so the
 * headers between them are taken out before anything is looked at.
 */
#ifndef UNWRAP_H
#define UNWRAP_H

#include <stddef.h>
#include <stdint.h>

#include "polling.h"

enum wrapping {
  NOT_WRAPPED, /* one message is one WebSocket frame, which is read as it is */
  IN_FRAMES,
  IN_FRAMES_OF_LINES, /* whose line feeds are taken out too */
  IN_CHUNKS,
  IN_RESPONSES, /* one after the other, each to a request of its own (polling.h) */
};

/* How far one connection is; all zero at its start. */
struct wrapper {
  uint8_t header[64]; /* as much of it as has come */
  size_t have;
  uint64_t remaining; /* of the piece that was begun */
  int skip;           /* that piece is none of the stream */
  int closed;         /* the server ended it in its own way */
  struct polling *polling;
  struct inflater *inflater; /* of a WebSocket whose messages are compressed with one window (broadcast/) */
};

/* Takes the headers out of `data`, in place. Returns how many bytes are there then; -1 when the server sent
 * what is neither header nor piece. */
long unwrap(enum wrapping wrapping, struct wrapper *wrapper, uint8_t *data, size_t size);

#endif
