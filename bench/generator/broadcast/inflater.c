#include "inflater.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<zlib.h>)

#include <zlib.h>

/* Of a message, inflated. */
enum { MESSAGE_SIZE = 65535, HEADER_SIZE = 4 };

struct inflater {
  z_stream zlib;
  uint8_t *packed; /* that came and is not inflated yet */
  size_t have;
  size_t capacity;
  int waits;
  uint8_t message[MESSAGE_SIZE];
};

struct inflater *inflater_new(void) {
  struct inflater *inflater = calloc(1, sizeof *inflater);
  if (!inflater || inflateInit2(&inflater->zlib, -MAX_WBITS) != Z_OK) die("out of memory");
  return inflater;
}

/* Length of the message, or -1. */
static long inflate_message(struct inflater *inflater, const uint8_t *data, size_t length) {
  static const uint8_t tail[] = {0, 0, 0xff, 0xff}; /* which is left out of every message */
  z_stream *zlib = &inflater->zlib;
  zlib->next_out = inflater->message;
  zlib->avail_out = MESSAGE_SIZE;
  const uint8_t *parts[] = {data, tail};
  const size_t sizes[] = {length, sizeof tail};
  for (int i = 0; i < 2; i++) {
    zlib->next_in = (uint8_t *)parts[i];
    zlib->avail_in = (uInt)sizes[i];
    int status = inflate(zlib, Z_SYNC_FLUSH);
    /* A last block would be legal, but what flushes, as all servers do, writes none. */
    if (status != Z_OK && status != Z_BUF_ERROR) return -1;
    if (zlib->avail_out == 0 || zlib->avail_in > 0) return -1;
  }
  return MESSAGE_SIZE - (long)zlib->avail_out;
}

int inflater_open(struct inflater *inflater, struct frame *frame) {
  inflateReset(&inflater->zlib);
  long length = inflate_message(inflater, frame->payload, frame->length);
  if (length < 0) return 0;
  frame->payload = inflater->message;
  frame->length = (size_t)length;
  return 1;
}

static size_t plain_frame(uint8_t *out, const struct frame *frame) {
  size_t at = 0;
  out[at++] = (uint8_t)(0x80 | frame->opcode);
  if (frame->length >= 126) {
    out[at++] = 126;
    out[at++] = (uint8_t)(frame->length >> 8);
  }
  out[at++] = (uint8_t)frame->length;
  memcpy(out + at, frame->payload, frame->length);
  return at + frame->length;
}

static void keep(struct inflater *inflater, const uint8_t *data, size_t size) {
  if (inflater->have + size > inflater->capacity) {
    inflater->capacity = inflater->have + size;
    inflater->packed = realloc(inflater->packed, inflater->capacity);
    if (!inflater->packed) die("out of memory");
  }
  memcpy(inflater->packed + inflater->have, data, size);
  inflater->have += size;
}

long inflater_unpack(struct inflater *inflater, const uint8_t *data, size_t size, uint8_t *out,
                     size_t room) {
  if (size > 0) keep(inflater, data, size);
  size_t in = 0;
  size_t written = 0;
  inflater->waits = 0;
  struct frame frame;
  long length;
  while ((length = frame_decode_deflated(inflater->packed + in, inflater->have - in, &frame)) > 0) {
    if (written + HEADER_SIZE + MESSAGE_SIZE > room) {
      inflater->waits = 1;
      break;
    }
    if (frame.compressed) {
      long inflated = inflate_message(inflater, frame.payload, frame.length);
      if (inflated < 0) return -1;
      frame.payload = inflater->message;
      frame.length = (size_t)inflated;
    }
    if (frame.length > MESSAGE_SIZE) return -1;
    written += plain_frame(out + written, &frame);
    in += (size_t)length;
  }
  if (length < 0) return -1;
  inflater->have -= in;
  memmove(inflater->packed, inflater->packed + in, inflater->have);
  return (long)written;
}

int inflater_waits(const struct inflater *inflater) { return inflater->waits; }

#else

struct inflater *inflater_new(void) {
  die("this generator was compiled without zlib: install zlib1g-dev, or what has zlib.h elsewhere");
}

int inflater_open(struct inflater *inflater, struct frame *frame) {
  (void)inflater, (void)frame;
  return 0;
}

long inflater_unpack(struct inflater *inflater, const uint8_t *data, size_t size, uint8_t *out,
                     size_t room) {
  (void)inflater, (void)data, (void)size, (void)out, (void)room;
  return -1;
}

int inflater_waits(const struct inflater *inflater) {
  (void)inflater;
  return 0;
}

#endif
