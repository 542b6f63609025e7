#define _GNU_SOURCE
#include "subscriber.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "program.h"

void checker_init(struct checker *checker, const struct protocol *protocol, uint64_t publications) {
  *checker = (struct checker){.protocol = protocol};
  stream_init(&checker->stream, publications);
  checker->workspace = malloc(CARRY_SIZE + READ_SIZE);
  if (!checker->workspace) die("out of memory");
}

void subscriber_carry(struct subscriber *subscriber, const uint8_t *bytes, size_t length) {
  subscriber->carried = length;
  if (length == 0) return;
  subscriber->carry = realloc(subscriber->carry, length);
  if (!subscriber->carry) die("out of memory");
  memcpy(subscriber->carry, bytes, length);
}

void checker_fail(struct checker *checker, const char *kind, int subscriber,
                  const struct frame *frame) {
  struct problem *problem = &checker->problem;
  if (problem->kind) return;
  problem->kind = kind;
  problem->subscriber = subscriber;
  if (frame) copy_printable(problem->text, sizeof problem->text, frame->payload, frame->length);
}

ssize_t checker_receive(struct checker *checker, int fd, struct wrapper *wrapper, uint8_t *data,
                        size_t size) {
  struct inflater *inflater = wrapper->inflater;
  ssize_t got = 0;
  if (!inflater || !inflater_waits(inflater)) {
    got = recv(fd, data, size, MSG_DONTWAIT);
    if (got <= 0) return got;
    checker->wire_bytes += (uint64_t)got;
  }
  if (!inflater && checker->protocol->wrapping == NOT_WRAPPED) return got;
  long left = inflater ? inflater_unpack(inflater, data, (size_t)got, data, READ_SIZE)
                       : unwrap(checker->protocol->wrapping, wrapper, data, (size_t)got);
  if (left > 0) return left;
  errno = left < 0 ? EPROTO : EAGAIN;
  return left == 0 && wrapper->closed ? 0 : -1;
}

long checker_decode(const struct checker *checker, const struct protocol *protocol,
                    const uint8_t *data, size_t size, struct frame *frame) {
  if (!checker->inflater) return protocol_decode(protocol, data, size, frame);
  long length = frame_decode_deflated(data, size, frame);
  if (length > 0 && frame->compressed && !inflater_open(checker->inflater, frame)) return -1;
  return length;
}

int checker_heartbeat(struct checker *checker, int fd, const struct frame *frame) {
  if (frame->opcode == OP_PING) {
    websocket_send(fd, OP_PONG, frame->payload, frame->length);
  } else if (protocol_meaning(checker->protocol, frame) == MEANS_HEARTBEAT) {
    const char *answer = checker->protocol->heartbeat_answer;
    websocket_send(fd, OP_TEXT, answer, strlen(answer));
  } else if (frame->opcode != OP_PONG) {
    return 0;
  }
  checker->heartbeats++;
  return 1;
}

/* Does the publication that is missing come after all? Then it was reordered, else it is lost. */
static int comes_later(struct checker *checker, struct subscriber *subscriber,
                       uint8_t *start, size_t size, uint64_t sequence) {
  struct pollfd readable = {.fd = subscriber->fd, .events = POLLIN};
  uint8_t *data = start;
  for (;;) {
    struct frame frame;
    long length;
    while ((length = checker_decode(checker, checker->protocol, data, size, &frame)) > 0) {
      if (protocol_sequence(&frame) == sequence) return 1;
      data += length;
      size -= (size_t)length;
    }
    if (length < 0 || size >= CARRY_SIZE || poll(&readable, 1, 500) <= 0) return 0;
    memmove(start, data, size);
    data = start;
    ssize_t got = checker_receive(checker, subscriber->fd, &subscriber->wrapper, data + size,
                                  READ_SIZE);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return 0;
    if (got > 0) size += (size_t)got;
  }
}

static void wrong_sequence(struct checker *checker, struct subscriber *subscriber,
                           uint64_t expected, uint64_t received, uint8_t *rest, size_t size) {
  const char *kind = "duplicate";
  if (received > expected) {
    memmove(checker->workspace, rest, size);
    kind = comes_later(checker, subscriber, checker->workspace, size, expected) ? "reorder" : "gap";
  }
  checker_fail(checker, kind, subscriber->number, NULL);
  checker->problem.expected = expected;
  checker->problem.received = received;
}

/* The log numbers publications without holes, wherever it started. */
static int offset_fits(struct checker *checker, const struct subscriber *subscriber,
                       const struct frame *frame, uint64_t sequence) {
  if (!checker->protocol->offsets) return 1;
  uint64_t offset = protocol_offset(frame);
  if (checker->stream.last == 0) checker->offset_of_zero = offset - 1;
  if (offset != 0 && offset - sequence == checker->offset_of_zero) return 1;
  checker_fail(checker, "offset", subscriber->number, frame);
  checker->problem.expected = checker->offset_of_zero + sequence;
  checker->problem.received = offset;
  return 0;
}

/* One publication that this subscriber, at the end of `received` publications, got next. */
static void take(struct checker *checker, struct subscriber *subscriber, uint64_t received,
                 const struct frame *frame, uint8_t *start, size_t length, size_t size) {
  struct stream *stream = &checker->stream;
  uint64_t expected = received + 1;
  uint64_t end = expected <= stream->last ? stream_end(stream, expected) : 0;
  if (end != 0 && length == end - subscriber->position &&
      memcmp(stream_at(stream, subscriber->position), start, length) == 0) {
    subscriber->position = end;
    return;
  }
  uint64_t sequence = protocol_sequence(frame);
  if (sequence != expected) {
    wrong_sequence(checker, subscriber, expected, sequence, start + length, size - length);
    return;
  }
  if (!offset_fits(checker, subscriber, frame, sequence)) return;
  if (end == 0) stream_append(stream, start, length);
  /* else the bytes differ from one subscriber to the next; the numbers decide */
  subscriber->position = stream_end(stream, expected);
}

/* Frame by frame, from a position that is the end of a publication. */
static void parse(struct checker *checker, struct subscriber *subscriber, uint8_t *data,
                  size_t size) {
  struct stream *stream = &checker->stream;
  uint64_t received = stream_received(stream, subscriber->position);
  struct frame frame;
  long length;
  while ((length = checker_decode(checker, checker->protocol, data, size, &frame)) > 0) {
    if (!checker_heartbeat(checker, subscriber->fd, &frame)) {
      enum meaning meaning = protocol_meaning(checker->protocol, &frame);
      if (meaning == MEANS_PUBLICATION)
        take(checker, subscriber, received++, &frame, data, (size_t)length, size);
      else if (meaning != MEANS_NOTHING)
        checker_fail(checker,
                     frame.opcode == OP_CLOSE   ? "closed"
                     : meaning == MEANS_FAILURE ? "refused"
                                                : "unexpected",
                     subscriber->number, &frame);
      if (checker->problem.kind) return;
    }
    data += length;
    size -= (size_t)length;
  }
  if (length < 0 || size > CARRY_SIZE - 64) {
    checker_fail(checker, "unexpected", subscriber->number, NULL);
    snprintf(checker->problem.text, sizeof checker->problem.text, "%s",
             checker->inflater ? "a frame that is fragmented, masked, above 64 KiB or does not inflate"
                               : "a frame that is fragmented, compressed, masked or above 1 MiB");
    return;
  }
  if (size <= stream->head - subscriber->position &&
      memcmp(stream_at(stream, subscriber->position), data, size) == 0) {
    subscriber->position += size;
    size = 0;
  }
  subscriber_carry(subscriber, data, size);
}

static void read_once(struct checker *checker, struct subscriber *subscriber) {
  struct stream *stream = &checker->stream;
  uint8_t *data = checker->workspace + CARRY_SIZE;
  ssize_t got = checker_receive(checker, subscriber->fd, &subscriber->wrapper, data, READ_SIZE);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    int nonsense = got < 0 && errno == EPROTO;
    checker_fail(checker, nonsense ? "unexpected" : "closed", subscriber->number, NULL);
    if (nonsense && subscriber->wrapper.inflater)
      snprintf(checker->problem.text, sizeof checker->problem.text,
               "a frame that is fragmented, masked, above 64 KiB or does not inflate");
    return;
  }
  size_t size = (size_t)got;
  size_t before = subscriber->carried;
  const uint8_t *prefix = subscriber->carry;
  if (before == 0) {
    size_t ahead = (size_t)(stream->head - subscriber->position);
    size_t common = ahead < size ? ahead : size;
    if (memcmp(stream_at(stream, subscriber->position), data, common) == 0) {
      subscriber->position += common;
      if (common == size) return;
      data += common;
      size -= common;
    } else {
      uint64_t start = stream_end(stream, stream_received(stream, subscriber->position));
      before = (size_t)(subscriber->position - start);
      prefix = stream_at(stream, start);
      subscriber->position = start;
    }
  }
  if (before > 0) memcpy(data - before, prefix, before);
  subscriber->carried = 0;
  parse(checker, subscriber, data - before, size + before);
}

void subscriber_read(struct checker *checker, struct subscriber *subscriber) {
  struct inflater *inflater = subscriber->wrapper.inflater;
  do read_once(checker, subscriber);
  while (inflater && inflater_waits(inflater) && !checker->problem.kind);
}
