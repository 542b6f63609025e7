/*
 * Did every subscriber get every publication once and in order?
 *
 * All subscribers of a channel get the same bytes, so the sequence numbers are read once and the rest
 * is comparison. The one who is ahead of the others is parsed frame by frame (header, sequence number,
 * offset), and its publications are appended to the canonical stream:
 *
 *      tail                       position of a slower one              head
 *        |  publication  |  publication  |  publi·cation  |  publication  |
 *                                             ^ what it receives next must equal this (memcmp)
 *
 * Where the bytes differ (a heartbeat in between, or a real mistake), that subscriber goes back to the
 * start of the frame and is parsed frame by frame until it is on the canonical stream again.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

struct stream {
  uint8_t *bytes;
  size_t capacity;
  uint64_t base; /* position of bytes[0] */
  uint64_t tail; /* nobody is behind this position */
  uint64_t head; /* end of the last publication */

  uint64_t *ends; /* end of publication k, at k & mask; publications count from 1 */
  uint64_t mask;
  uint64_t first; /* all have received the publications up to this one */
  uint64_t last;  /* the newest publication anybody has received */
};

/* `publications`: how many may lie between the slowest subscriber and the fastest. */
void stream_init(struct stream *stream, uint64_t publications);

static inline const uint8_t *stream_at(const struct stream *stream, uint64_t position) {
  return stream->bytes + (position - stream->base);
}

static inline uint64_t stream_end(const struct stream *stream, uint64_t publication) {
  return publication == 0 ? 0 : stream->ends[publication & stream->mask];
}

/* Appends a whole frame as publication `last + 1`. */
void stream_append(struct stream *stream, const uint8_t *frame, size_t length);

/* How many publications end at or before `position`, which is not behind the tail. */
uint64_t stream_received(const struct stream *stream, uint64_t position);

/* Everybody is at `position` or further: what lies before may go. Moves `first`. */
void stream_release(struct stream *stream, uint64_t position);

#endif
