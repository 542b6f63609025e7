/*
 * Who publishes and who subscribes what. Nothing is drawn by lot, so that the number of a publish, its
 * channel and its sequence number follow from each other and need not be remembered.
 *
 * Publisher p sends its messages 1, 2, 3 … to channels p, p + 1, p + 2 … (modulo the number of
 * channels); what it sends to one channel carries sequence numbers 1, 2, 3 … With `batch`, every message
 * goes to all channels at once.
 *
 * Every channel has the same number of subscribers. Where there are more connections than channels,
 * connections have different sets of channels, which overlap.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdint.h>

struct plan {
  uint32_t channels;
  uint32_t subscribers; /* connections */
  uint32_t each;        /* channels of one connection */
  uint32_t publishers;
  int batch;
};

/* The channels of one connection: start, start + stride … modulo their number. */
struct walk {
  uint32_t start, stride, inverse;
};

/* Exits when not every channel would have the same number of subscribers. */
void plan_check(const struct plan *plan);

/* How many connections receive a message. */
uint32_t plan_fan(const struct plan *plan);

struct walk plan_walk(const struct plan *plan, uint32_t subscriber);

static inline uint32_t walk_channel(const struct plan *plan, const struct walk *walk, uint32_t slot) {
  return (walk->start + slot * walk->stride) % plan->channels;
}

/* Which of its channels that is to the connection; `each` or more: none. */
static inline uint32_t walk_slot(const struct plan *plan, const struct walk *walk, uint32_t channel) {
  uint64_t steps = channel + plan->channels - walk->start;
  return (uint32_t)(steps * walk->inverse % plan->channels);
}

static inline uint32_t plan_channel(const struct plan *plan, uint32_t publisher, uint64_t number) {
  return plan->batch ? 0 : (uint32_t)((publisher + number - 1) % plan->channels);
}

static inline uint64_t plan_sequence(const struct plan *plan, uint64_t number) {
  return plan->batch ? number : (number - 1) / plan->channels + 1;
}

static inline uint64_t plan_number(const struct plan *plan, uint32_t publisher, uint32_t channel,
                                   uint64_t sequence) {
  if (plan->batch) return sequence;
  uint32_t steps = (channel + plan->channels - publisher % plan->channels) % plan->channels;
  return (sequence - 1) * plan->channels + steps + 1;
}

#endif
