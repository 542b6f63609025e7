/* HTTP/1.1 with kept-alive connections: one request on the way at a time. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dialect.h"

/* The value of a header, by its name with the colon; NULL: it is not there. */
static const char *header(const char *head, const char *end, const char *name) {
  size_t length = strlen(name);
  const char *line = head;
  for (; line && line < end; line = memmem(line, (size_t)(end - line), "\r\n", 2)) {
    if (*line == '\r') line += 2;
    if ((size_t)(end - line) > length && strncasecmp(line, name, length) == 0) return line + length;
  }
  return NULL;
}

static uint32_t confirmed(const struct message *message) {
  uint32_t count = 0;
  const uint8_t *at = message->text;
  const uint8_t *end = at + message->length;
  while ((at = memmem(at, (size_t)(end - at), "\"duplicate\":false", 17))) {
    count++;
    at += 17;
  }
  return count;
}

/* An answer of 20x is `KIND_ACK`, with its body as text. */
static long decode(const uint8_t *data, size_t size, struct message *message) {
  const uint8_t *found = memmem(data, size, "\r\n\r\n", 4);
  if (!found) return size < 16384 ? 0 : -1;
  const char *head = (const char *)data;
  const char *value = header(head, (const char *)found, "Content-Length:");
  if (!value) return -1;
  size_t head_length = (size_t)(found - data) + 4;
  size_t length = head_length + (size_t)strtoul(value, NULL, 10);
  if (size < length) return 0;
  *message = (struct message){.kind = KIND_FAILURE, .text = data, .length = length};
  if (memcmp(head + 8, " 20", 3) == 0) {
    message->kind = KIND_ACK;
    message->number = NUMBER_OF_OLDEST;
    message->text = data + head_length;
    message->length = length - head_length;
  }
  return (long)length;
}

static long decode_receipts(struct hints *hints, const uint8_t *data, size_t size,
                            struct message *message) {
  long length = decode(data, size, message);
  if (length > 0 && message->kind == KIND_ACK && confirmed(message) != hints->parts)
    message->kind = KIND_FAILURE;
  return length;
}

static long decode_status(struct hints *hints, const uint8_t *data, size_t size,
                          struct message *message) {
  (void)hints;
  return decode(data, size, message);
}

#define COMMON                                                         \
  " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" \
  "Content-Length: %l\r\n"
#define HEADERS COMMON "Authorization: Bearer %t\r\n\r\n"

const struct dialect dialect_http = {
    .name = "http",
    .acked = {.head = "POST /v1/channels/%c/publications" HEADERS,
              .body = "{\"type\":\"message\",\"payload\":%p}"},
    .batch = {.head = "POST /v1/publications" HEADERS,
              .body = "{\"channels\":[%C],\"type\":\"message\",\"payload\":%p}"},
    .always_acks = 1,
    .decode = decode_receipts,
};

/* nchan's publisher: any 20x means that the message is in the buffer. */
const struct dialect dialect_nchan = {
    .name = "nchan",
    .acked = {.head = "POST /publish" COMMON "\r\n", .body = "%p"},
    .always_acks = 1,
    .decode = decode_status,
};
