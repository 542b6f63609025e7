#include "receiver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

void receiver_open(struct receiver *receiver, struct receiving *receiving,
                   const struct target *target, int number) {
  const struct plan *plan = receiving->plan;
  struct reader *reader = receiving->reader;
  receiver->number = number;
  receiver->walk = plan_walk(plan, (uint32_t)number);
  receiver->sequences = calloc((size_t)plan->each * plan->publishers, sizeof *receiver->sequences);
  receiver->offsets = calloc(plan->each, sizeof *receiver->offsets);
  if (!receiver->sequences || !receiver->offsets) die("out of memory");
  connection_open(&receiver->connection, reader, target, reader->dialect->subscriber_path);
  if (!reader->dialect->subscribe) {
    if (plan->each != 1 || plan->channels != 1) die("%s has one channel", reader->dialect->name);
    return;
  }
  char name[256], slot_text[16];
  for (uint32_t slot = 0; slot < plan->each; slot++) {
    channel_name(&target->names, walk_channel(plan, &receiver->walk, slot), name, sizeof name);
    snprintf(slot_text, sizeof slot_text, "%u", slot);
    connection_subscribe(&receiver->connection, reader, reader->dialect->subscribe, name,
                         slot_text);
  }
  for (uint32_t slot = 0; slot < plan->each; slot++)
    connection_await_subscribed(&receiver->connection, reader);
}

static int next(struct receiver *receiver, struct reader *reader, struct message *message) {
  return reader_next(reader, &receiver->connection, &reader->delivery_hints, message);
}

struct place {
  uint32_t publisher, channel, slot;
};

static struct problem problem_at(const char *kind, const struct receiver *receiver,
                                 const struct place *place, uint64_t expected, uint64_t received) {
  return (struct problem){.kind = kind,
                          .subscriber = receiver->number,
                          .publisher = (int)place->publisher,
                          .channel = (int)place->channel,
                          .expected = expected,
                          .received = received};
}

/* A slot of `each` or more: the message is none of this connection's. */
static struct place place_of(const struct receiver *receiver, const struct receiving *receiving,
                             const struct message *message) {
  const struct plan *plan = receiving->plan;
  const uint8_t *digits = message->mark + PUBLISHER_DIGITS;
  struct place place = {.publisher = (uint32_t)digits_read(message->mark, PUBLISHER_DIGITS),
                        .channel = (uint32_t)digits_read(digits, CHANNEL_DIGITS),
                        .slot = plan->each};
  uint32_t said = place.channel;
  if (message->channel) said = (uint32_t)digits_read(message->channel, CHANNEL_DIGITS);
  if (plan->batch) place.channel = said; /* the payload is the same in all channels */
  if (said == place.channel && said < plan->channels)
    place.slot = walk_slot(plan, &receiver->walk, said);
  return place;
}

static uint64_t sequence_of(const uint8_t *mark) {
  return digits_read(mark + PUBLISHER_DIGITS + CHANNEL_DIGITS, SEQUENCE_DIGITS);
}

/* Does the message that is missing come after all? Then it was reordered, else it is lost. */
static int comes_later(struct receiver *receiver, struct receiving *receiving,
                       const struct place *missing, uint64_t sequence) {
  struct reader *reader = receiving->reader;
  struct pollfd readable = {.fd = receiver->connection.fd, .events = POLLIN};
  for (;;) {
    struct message message;
    int more;
    while ((more = next(receiver, reader, &message)) > 0) {
      if (message.kind != KIND_DELIVERY || sequence_of(message.mark) != sequence) continue;
      struct place place = place_of(receiver, receiving, &message);
      if (place.channel == missing->channel && place.publisher == missing->publisher) return 1;
    }
    reader_keep(reader, &receiver->connection);
    if (more < 0 || poll(&readable, 1, 500) <= 0) return 0;
    if (reader_fill(reader, &receiver->connection) <= 0) return 0;
  }
}

/* The log numbers messages without holes, wherever it started. */
static int offset_fits(struct receiver *receiver, struct receiving *receiving,
                       const struct place *place, const struct message *message) {
  if (!receiving->reader->dialect->offsets) return 1;
  uint64_t last = receiver->offsets[place->slot];
  receiver->offsets[place->slot] = message->offset;
  if (message->offset != 0 && (last == 0 || message->offset == last + 1)) return 1;
  problem_set(receiving->sending->problem,
              problem_at("offset", receiver, place, last + 1, message->offset), message);
  return 0;
}

static void take(struct receiver *receiver, struct receiving *receiving,
                 const struct message *message, uint64_t now) {
  const struct plan *plan = receiving->plan;
  struct problem *problem = receiving->sending->problem;
  struct place place = place_of(receiver, receiving, message);
  if (place.slot >= plan->each || place.publisher >= plan->publishers) {
    problem_set(problem, problem_at("unexpected", receiver, &place, 0, 0), message);
    return;
  }
  uint64_t sequence = sequence_of(message->mark);
  uint32_t *last = &receiver->sequences[place.slot * plan->publishers + place.publisher];
  if (sequence != *last + 1) {
    uint64_t expected = *last + 1;
    struct problem what = problem_at("duplicate", receiver, &place, expected, sequence);
    if (sequence > expected)
      what.kind = comes_later(receiver, receiving, &place, expected) ? "reorder" : "gap";
    problem_set(problem, what, NULL);
    return;
  }
  *last = (uint32_t)sequence;
  if (!offset_fits(receiver, receiving, &place, message)) return;
  uint64_t number = plan_number(plan, place.publisher, place.channel, sequence);
  struct sender *sender = &receiving->senders[place.publisher];
  uint64_t stamp = sender_delivered(sender, receiving->sending, number, now);
  if (stamp == 0) {
    problem_set(problem, problem_at("unexpected", receiver, &place, 0, sequence), message);
    return;
  }
  receiving->deliveries++;
  receiving->bytes += message->length;
  if (receiving->delivered) histogram_record(receiving->delivered, now - stamp);
}

int receiver_read(struct receiver *receiver, struct receiving *receiving, uint64_t now) {
  struct reader *reader = receiving->reader;
  int filled = reader_fill(reader, &receiver->connection);
  if (filled <= 0) return filled == 0;
  struct message message;
  int more;
  while ((more = next(receiver, reader, &message)) > 0) {
    if (message.kind == KIND_DELIVERY)
      take(receiver, receiving, &message, now);
    else
      more = -1;
    if (more < 0 || receiving->sending->problem->kind) break;
  }
  if (more < 0)
    problem_set(receiving->sending->problem,
                (struct problem){.kind = problem_kind(&message),
                                 .subscriber = receiver->number,
                                 .publisher = -1,
                                 .channel = -1},
                &message);
  reader_keep(reader, &receiver->connection);
  return 1;
}
