/*
 * permessage-deflate (RFC 7692), the side that receives.
 *
 * A server that keeps no window from one message to the next sends the same bytes to all: the canonical
 * stream (stream.h) is then of compressed frames, and one inflater looks into those of the subscriber
 * that is ahead. Where a window is kept for each connection, each has an inflater of its own, which makes
 * plain frames of all that comes, below everything that looks at them.
 */
#ifndef INFLATER_H
#define INFLATER_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct inflater;

/* Exits when the program was compiled without zlib. */
struct inflater *inflater_new(void);

/* For messages that stand alone: the frame becomes what it was before it was compressed, and stays so until
 * the next call. 0 when it is not deflated. */
int inflater_open(struct inflater *inflater, struct frame *frame);

/* For a connection with a window: takes `size` more bytes, which may lie in `out`, and writes the frames that are
 * complete to `out`, as if they had never been compressed. Returns how many bytes they are; -1 when the server sent
 * what is not deflated, or no frame. */
long inflater_unpack(struct inflater *inflater, const uint8_t *data, size_t size, uint8_t *out,
                     size_t room);

/* There was no room for all complete frames: the next `inflater_unpack` writes more, even of no bytes. */
int inflater_waits(const struct inflater *inflater);

#endif
