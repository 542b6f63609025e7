#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Few enough that they come again within a kilobyte, which becomes a third of it. */
static const char *const phrases[] = {
    "the order ", "was moved to ", "shipped from ", "the warehouse in ",
    "Rotterdam ", "assigned to ", "by customer ", "the invoice ",
    "is pending ", "a delivery ", "with priority ", "was confirmed ",
    "and updated by ", "the support team ", "in region ", "Nairobi ",
    "the deadline ", "was closed ", "reopened by ", "a comment on ",
    "the report ", "is approved ", "for project ", "Lighthouse ",
};

enum { PHRASES = sizeof phrases / sizeof *phrases, NUMBER_EVERY = 8 };

static uint32_t next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* A phrase or, now and then, a number. Returns its length. */
static size_t part(uint32_t *state, char *text, size_t room) {
  if (next(state) % NUMBER_EVERY == 0)
    return (size_t)snprintf(text, room, "%04u ", (unsigned)(next(state) % 10000));
  return (size_t)snprintf(text, room, "%s", phrases[next(state) % PHRASES]);
}

uint8_t *words_make(size_t size) {
  uint8_t *text = malloc(size);
  if (!text) die("out of memory");
  uint32_t state = 1;
  for (size_t at = 0; at < size;) {
    char more[64];
    size_t length = part(&state, more, sizeof more);
    if (length > size - at) length = size - at;
    memcpy(text + at, more, length);
    at += length;
  }
  return text;
}
