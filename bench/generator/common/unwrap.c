#include "unwrap.h"

#include <string.h>

#include "wire.h"

/* 1: the header is complete and the piece is known; 0: not yet; -1: it is not one. */
static int frame_header(struct wrapper *wrapper) {
  const uint8_t *header = wrapper->header;
  if (wrapper->have < 2) return 0;
  if ((header[0] & 0x70) || (header[1] & 0x80)) return -1; /* compressed or masked */
  size_t length = header[1];
  size_t extra = length == 127 ? 8 : length == 126 ? 2 : 0;
  if (wrapper->have < 2 + extra) return 0;
  if (extra) length = 0;
  for (size_t i = 0; i < extra; i++) length = length << 8 | header[2 + i];
  int opcode = header[0] & 0x0f;
  if (opcode == OP_CLOSE) wrapper->closed = 1;
  wrapper->skip = opcode >= OP_CLOSE;
  wrapper->remaining = length;
  return 1;
}

/* `[CR LF of the chunk before] hex digits [; extension] CR LF` */
static int chunk_header(struct wrapper *wrapper) {
  const uint8_t *header = wrapper->header;
  if (header[wrapper->have - 1] != '\n' || wrapper->have == 2) {
    if (wrapper->have == sizeof wrapper->header) return -1;
    return wrapper->have == 2 && header[0] == '\r' && header[1] != '\n' ? -1 : 0;
  }
  size_t at = header[0] == '\r' ? 2 : 0;
  size_t first = at;
  uint64_t length = 0;
  for (; at - first < 12; at++) {
    uint8_t digit = header[at] | 0x20;
    if (digit >= '0' && digit <= '9')
      length = length << 4 | (uint64_t)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      length = length << 4 | (uint64_t)(digit - 'a' + 10);
    else
      break;
  }
  if (at == first) return -1;
  if (length == 0) wrapper->closed = 1;
  wrapper->remaining = length;
  return 1;
}

/* Copies a piece without its line feeds to where it may overlap. Returns the length of what is left. */
static size_t join_lines(uint8_t *to, const uint8_t *from, size_t size) {
  size_t out = 0;
  while (size > 0) {
    const uint8_t *end = memchr(from, '\n', size);
    size_t length = end ? (size_t)(end - from) : size;
    if (to + out != from) memmove(to + out, from, length);
    out += length;
    from += length + (end != NULL);
    size -= length + (end != NULL);
  }
  return out;
}

long unwrap(enum wrapping wrapping, struct wrapper *wrapper, uint8_t *data, size_t size) {
  if (wrapping == NOT_WRAPPED) return (long)size;
  if (wrapping == IN_RESPONSES) return polling_unwrap(wrapper->polling, data, size);
  size_t in = 0;
  size_t out = 0;
  while (in < size && !(wrapper->closed && wrapper->remaining == 0)) {
    if (wrapper->remaining == 0) {
      wrapper->header[wrapper->have++] = data[in++];
      int complete = wrapping == IN_CHUNKS ? chunk_header(wrapper) : frame_header(wrapper);
      if (complete < 0) return -1;
      if (complete) wrapper->have = 0;
      continue;
    }
    size_t piece = size - in < wrapper->remaining ? size - in : (size_t)wrapper->remaining;
    if (!wrapper->skip && wrapping == IN_FRAMES_OF_LINES) {
      out += join_lines(data + out, data + in, piece);
    } else if (!wrapper->skip) {
      if (out != in) memmove(data + out, data + in, piece);
      out += piece;
    }
    in += piece;
    wrapper->remaining -= piece;
  }
  return (long)out;
}
