#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

void stream_init(struct stream *stream, uint64_t publications) {
  uint64_t slots = 1024;
  while (slots < publications + 2) slots *= 2;
  *stream = (struct stream){.capacity = 8 << 20, .mask = slots - 1};
  stream->bytes = malloc(stream->capacity);
  stream->ends = calloc(slots, sizeof *stream->ends);
  if (!stream->bytes || !stream->ends) die("out of memory");
}

static void make_room(struct stream *stream, size_t length) {
  size_t live = (size_t)(stream->head - stream->tail);
  if (live + length > stream->capacity / 2) {
    stream->capacity *= 2;
    uint8_t *larger = malloc(stream->capacity);
    if (!larger) die("out of memory");
    memcpy(larger, stream_at(stream, stream->tail), live);
    free(stream->bytes);
    stream->bytes = larger;
  } else {
    memmove(stream->bytes, stream_at(stream, stream->tail), live);
  }
  stream->base = stream->tail;
}

void stream_append(struct stream *stream, const uint8_t *frame, size_t length) {
  if (stream->head - stream->base + length > stream->capacity) make_room(stream, length);
  memcpy(stream->bytes + (stream->head - stream->base), frame, length);
  stream->head += length;
  stream->last++;
  stream->ends[stream->last & stream->mask] = stream->head;
}

uint64_t stream_received(const struct stream *stream, uint64_t position) {
  uint64_t low = stream->first;
  uint64_t high = stream->last;
  while (low < high) {
    uint64_t middle = low + (high - low + 1) / 2;
    if (stream_end(stream, middle) <= position)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

void stream_release(struct stream *stream, uint64_t position) {
  uint64_t first = stream_received(stream, position);
  stream->first = first;
  stream->tail = stream_end(stream, first);
}
