#define _GNU_SOURCE
#include "dialect.h"

#include <string.h>

#include "wire.h"

const struct dialect *dialect_named(const char *name) {
  static const struct dialect *const all[] = {&dialect_tidewire, &dialect_ws, &dialect_socketio,
                                              &dialect_nats, &dialect_http,
                                              &dialect_nchan, &dialect_nchan_ws};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0) return all[i];
  die("no such protocol: %s", name);
}

const uint8_t *find_at(const struct message *message, const char *text, size_t length,
                       size_t *hint) {
  if (*hint + length <= message->length && memcmp(message->text + *hint, text, length) == 0)
    return message->text + *hint;
  const uint8_t *at = memmem(message->text, message->length, text, length);
  if (at) *hint = (size_t)(at - message->text);
  return at;
}

const uint8_t *find_from_end(const struct message *message, const char *text, size_t length,
                             size_t *hint) {
  if (*hint >= length && *hint <= message->length) {
    const uint8_t *at = message->text + message->length - *hint;
    if (memcmp(at, text, length) == 0) return at;
  }
  const uint8_t *at = memmem(message->text, message->length, text, length);
  if (at) *hint = (size_t)(message->text + message->length - at);
  return at;
}

int find_mark(struct hints *hints, struct message *message) {
  size_t length = strlen(payload_start);
  const uint8_t *at = find_at(message, payload_start, length, &hints->mark);
  if (!at || at + length + MARK_DIGITS > message->text + message->length) return 0;
  message->mark = at + length;
  for (int i = 0; i < MARK_DIGITS; i++)
    if (message->mark[i] < '0' || message->mark[i] > '9') return 0;
  return 1;
}

uint64_t number_at(const uint8_t *at, const struct message *message) {
  const uint8_t *end = message->text + message->length;
  uint64_t value = 0;
  for (; at < end && *at >= '0' && *at <= '9'; at++) value = value * 10 + (uint64_t)(*at - '0');
  return value;
}
