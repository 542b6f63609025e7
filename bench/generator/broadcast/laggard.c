#include "laggard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t READ_EVERY = 100000000; /* nanoseconds */

/* Returns whether the server says that it goes on where `since` says. */
static int laggard_open(struct laggard *laggard, struct checker *checker,
                        const struct target *target, const char *since) {
  struct subscription subscription = {.since = since};
  laggard->wrapper = (struct wrapper){0};
  laggard->fd = session_open(checker, target, &subscription, &laggard->wrapper, &laggard->carried);
  memcpy(laggard->carry, checker->workspace, laggard->carried);
  memcpy(laggard->epoch, subscription.epoch, sizeof laggard->epoch);
  return subscription.recovered;
}

void laggards_connect(struct laggards *laggards, struct checker *checker,
                      const struct target *target, int first, int stalled, int slow,
                      double bytes_per_second) {
  *laggards = (struct laggards){.count = stalled + slow, .target = target,
                                  .bytes_per_second = bytes_per_second};
  laggards->all = calloc((size_t)laggards->count + 1, sizeof *laggards->all);
  for (int i = 0; i < laggards->count; i++) {
    struct laggard *laggard = &laggards->all[i];
    *laggard = (struct laggard){.number = first + i, .reads = i >= stalled, .next = 1};
    laggard->carry = malloc(CARRY_SIZE + READ_SIZE);
    if (!laggard->carry) die("out of memory");
    laggard_open(laggard, checker, target, NULL);
  }
}

static void take(struct laggards *laggards, struct checker *checker, struct laggard *laggard,
                 const struct frame *message) {
  uint64_t sequence = protocol_sequence(message);
  if (sequence > laggard->next && !laggard->may_skip) {
    if (checker->protocol->offsets) {
      checker_fail(checker, "gap", laggard->number, NULL);
      checker->problem.expected = laggard->next;
      checker->problem.received = sequence;
    }
    laggards->missed += sequence - laggard->next;
  } else if (sequence < laggard->next) {
    checker_fail(checker, "duplicate", laggard->number, NULL);
    checker->problem.expected = laggard->next;
    checker->problem.received = sequence;
  }
  laggard->may_skip = 0;
  uint64_t offset = protocol_offset(message);
  if (checker->protocol->offsets && checker->stream.last > 0 &&
      offset - sequence != checker->offset_of_zero) {
    checker_fail(checker, "offset", laggard->number, message);
    checker->problem.expected = checker->offset_of_zero + sequence;
    checker->problem.received = offset;
  }
  laggard->next = sequence + 1;
}

static void parse(struct laggards *laggards, struct checker *checker, struct laggard *laggard) {
  uint8_t *data = laggard->carry;
  size_t size = laggard->carried;
  struct frame message;
  long length;
  while ((length = protocol_decode(checker->protocol, data, size, &message)) > 0) {
    if (message.opcode == OP_CLOSE)
      laggard->told = 1;
    else if (!checker_heartbeat(checker, laggard->fd, &message)) {
      enum meaning meaning = protocol_meaning(checker->protocol, &message);
      if (meaning == MEANS_PUBLICATION)
        take(laggards, checker, laggard, &message);
      else if (meaning == MEANS_FAILURE)
        laggard->told = laggard->may_skip = 1;
      else if (meaning == MEANS_UNKNOWN)
        checker_fail(checker, "unexpected", laggard->number, &message);
    }
    data += length;
    size -= (size_t)length;
  }
  if (length < 0 || size >= CARRY_SIZE) checker_fail(checker, "unexpected", laggard->number, NULL);
  memmove(laggard->carry, data, size);
  laggard->carried = size;
}

/* At most `limit` bytes. 0: there was nothing. */
static int read_some(struct laggards *laggards, struct checker *checker, struct laggard *laggard,
                     size_t limit) {
  if (limit > READ_SIZE) limit = READ_SIZE;
  ssize_t got = checker_receive(checker, laggard->fd, &laggard->wrapper,
                                laggard->carry + laggard->carried, limit);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) {
    if (laggard->resumed) checker_fail(checker, "closed", laggard->number, NULL);
    laggard->let_go = laggard->ended = 1;
    return 0;
  }
  laggard->carried += (size_t)got;
  parse(laggards, checker, laggard);
  return 1;
}

void laggards_tick(struct laggards *laggards, struct checker *checker, uint64_t now) {
  if (laggards->count == 0 || now - laggards->read_at < READ_EVERY) return;
  double seconds = laggards->read_at == 0 ? 0 : (double)(now - laggards->read_at) / 1e9;
  laggards->read_at = now;
  size_t limit = (size_t)(laggards->bytes_per_second * seconds);
  for (int i = 0; i < laggards->count && limit > 0; i++)
    if (laggards->all[i].reads && !laggards->all[i].ended)
      read_some(laggards, checker, &laggards->all[i], limit);
}

/* Once, where the server lets one go on from a position. 1: the rest comes. */
static int resume(struct laggards *laggards, struct checker *checker, struct laggard *laggard) {
  const char *format = checker->protocol->since;
  if (!format || laggard->resumed || !laggard->epoch[0]) return 0;
  char since[512];
  uint64_t offset = checker->offset_of_zero + laggard->next - 1;
  snprintf(since, sizeof since, format, laggard->epoch, (unsigned long long)offset);
  close(laggard->fd);
  laggard->resumed = 1;
  if (laggard_open(laggard, checker, laggards->target, since)) laggard->ended = 0;
  else laggard->told = 1;
  return !laggard->ended;
}

int laggards_catch_up(struct laggards *laggards, struct checker *checker, uint64_t published,
                      uint64_t now, uint64_t patience) {
  int waiting = 0;
  for (int i = 0; i < laggards->count && !checker->problem.kind; i++) {
    struct laggard *laggard = &laggards->all[i];
    if (laggard->next > published) continue;
    if (laggard->ended && !resume(laggards, checker, laggard)) continue;
    if (read_some(laggards, checker, laggard, READ_SIZE)) laggards->read_at = now;
    waiting += laggard->next <= published && (!laggard->ended || !laggard->resumed);
  }
  if (waiting == 0) return 1;
  if (now - laggards->read_at < patience) return 0;
  for (int i = 0; i < laggards->count; i++) {
    struct laggard *laggard = &laggards->all[i];
    if (laggard->ended || laggard->next > published) continue;
    laggards->missed += published + 1 - laggard->next;
    if (!checker->protocol->offsets) continue;
    checker_fail(checker, "stall", laggard->number, NULL);
    checker->problem.expected = published;
    checker->problem.received = laggard->next - 1;
    break;
  }
  return 1;
}
