#define _GNU_SOURCE
#include "publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "words.h"

/* TEXT_SIZE: far above any window that a compressor remembers. */
enum { OUT_SIZE = 256 << 10, IN_SIZE = CARRY_SIZE, TEXT_SIZE = 4 << 20 };

void publisher_init(struct publisher *publisher, const struct checker *checker, const char *channel,
                    size_t payload_size, int words) {
  *publisher = (struct publisher){.out = malloc(OUT_SIZE), .in = malloc(IN_SIZE)};
  publisher->stamps = calloc(checker->stream.mask + 1, sizeof *publisher->stamps);
  if (!publisher->out || !publisher->in || !publisher->stamps) die("out of memory");
  const char *name = checker->protocol->publisher;
  publisher->protocol = name ? protocol_named(name) : checker->protocol;
  publish_build(&publisher->publish, publisher->protocol, channel, payload_size);
  if (publisher->publish.length > OUT_SIZE) die("the payload is too large");
  if (!words) return;
  publisher->publish.text_length = TEXT_SIZE;
  publisher->publish.text = words_make(TEXT_SIZE);
}

uint64_t publisher_due(const struct publisher *publisher, uint64_t now) {
  return (uint64_t)((double)(now - publisher->started) / publisher->interval) + 1;
}

uint64_t publisher_time_of(const struct publisher *publisher, uint64_t publication) {
  return publisher->started + (uint64_t)((double)(publication - 1) * publisher->interval);
}

/* 1: all sent, 0: the socket is full, -1: it is closed (reported where it is read). */
static int flush(struct publisher *publisher) {
  while (publisher->out_sent < publisher->out_length) {
    ssize_t sent = send(publisher->fd, publisher->out + publisher->out_sent,
                        publisher->out_length - publisher->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? 0 : -1;
    }
    publisher->out_sent += (size_t)sent;
  }
  publisher->out_sent = publisher->out_length = 0;
  return 1;
}

int publisher_write(struct publisher *publisher, const struct checker *checker, uint64_t limit,
                    uint64_t now) {
  for (;;) {
    if (publisher->out_length == 0) {
      size_t length = publisher->publish.length;
      while (publisher->published < limit && publisher->out_length + length <= OUT_SIZE) {
        uint64_t sequence = ++publisher->published;
        publisher->stamps[sequence & checker->stream.mask] =
            publisher->interval > 0 ? publisher_time_of(publisher, sequence) : now;
        publish_write(&publisher->publish, sequence, publisher->out + publisher->out_length);
        publisher->out_length += length;
      }
      if (publisher->out_length == 0) return 0;
    }
    int flushed = flush(publisher);
    if (flushed <= 0) return flushed == 0;
  }
}

static void take(struct publisher *publisher, struct checker *checker, const struct frame *frame,
                 uint64_t now, struct histogram *latency) {
  if (checker_heartbeat(checker, publisher->fd, frame)) return;
  enum meaning meaning = protocol_meaning(publisher->protocol, frame);
  if (meaning == MEANS_NOTHING) return;
  if (meaning != MEANS_ACK) {
    checker_fail(checker, meaning == MEANS_FAILURE ? "refused" : "unexpected", -1, frame);
    return;
  }
  publisher->acks++;
  uint64_t sequence = protocol_ack_sequence(publisher->protocol, frame);
  if (sequence == 0 || sequence > publisher->published) checker_fail(checker, "unexpected", -1, frame);
  if (latency)
    histogram_record(latency, now - publisher->stamps[sequence & checker->stream.mask]);
}

void publisher_read(struct publisher *publisher, struct checker *checker, uint64_t now,
                    struct histogram *latency) {
  ssize_t got = recv(publisher->fd, publisher->in + publisher->in_length,
                     IN_SIZE - publisher->in_length, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    checker_fail(checker, "closed", -1, NULL);
    return;
  }
  long left = unwrap(publisher->protocol->wrapping, &publisher->wrapper,
                     publisher->in + publisher->in_length, (size_t)got);
  if (left < 0 || publisher->wrapper.closed) {
    checker_fail(checker, left < 0 ? "unexpected" : "closed", -1, NULL);
    return;
  }
  uint8_t *data = publisher->in;
  size_t size = publisher->in_length + (size_t)left;
  struct frame frame;
  long length;
  while ((length = protocol_decode(publisher->protocol, data, size, &frame)) > 0) {
    take(publisher, checker, &frame, now, latency);
    data += length;
    size -= (size_t)length;
  }
  if (length < 0 || size == IN_SIZE) checker_fail(checker, "unexpected", -1, NULL);
  memmove(publisher->in, data, size);
  publisher->in_length = size;
}
