/*
 * What is published: a prebuilt message whose digits are patched. Digits have a fixed width, so that
 * they are written without a format and found again without a parser:
 *
 *   {"content":"PPPCCCCSSSSSSSSSxxxx…"}    publisher, channel, sequence number, filling
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

enum { PUBLISHER_DIGITS = 3, CHANNEL_DIGITS = 4, SEQUENCE_DIGITS = 9, NUMBER_DIGITS = 10 };
enum { MOST_PUBLISHERS = 1000, MOST_CHANNELS = 10000 };
enum { MARK_DIGITS = PUBLISHER_DIGITS + CHANNEL_DIGITS + SEQUENCE_DIGITS };

extern const char payload_start[];

static inline uint64_t digits_read(const uint8_t *at, int width) {
  uint64_t value = 0;
  for (int i = 0; i < width; i++) value = value * 10 + (uint64_t)(at[i] - '0');
  return value;
}

static inline void digits_write(uint8_t *at, int width, uint64_t value) {
  for (int i = width - 1; i >= 0; i--, value /= 10) at[i] = (uint8_t)('0' + value % 10);
}

/* `%p` payload, `%c` name of the channel, `%C` names of all channels in quotes, `%m` message id (the
 * run, the publisher, the number), `%q` publisher, `%n` number, `%l` length of the body in bytes,
 * `%t` token. */
struct format {
  const char *head, *body, *tail;
};

struct names {
  const char *prefix; /* a channel is called prefix, c, its number */
  const char *token;
  uint32_t channels;
};

void channel_name(const struct names *names, uint32_t channel, char *out, size_t capacity);

enum part { PART_PUBLISHER, PART_CHANNEL, PART_SEQUENCE, PART_NUMBER };
enum { MOST_PLACES = 12 };

struct template {
  uint8_t *bytes;
  size_t length, capacity;
  struct {
    enum part part;
    size_t at;
  } places[MOST_PLACES];
  int count;
};

/* `frame`: wrapped into a WebSocket frame. */
void template_build(struct template *template, const struct format *format, const struct names *names,
                   size_t payload_size, int frame);

struct digits {
  uint32_t publisher, channel;
  uint64_t sequence, number;
};

/* Copies the message with its digits to `out`. */
void template_write(const struct template *template, const struct digits *digits, uint8_t *out);

#endif
