#include "sender.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

enum { OUT_SIZE = 256 << 10, LEAST_FLIGHTS = 4096 };

void sender_init(struct sender *sender, const struct sending *sending, uint32_t publisher) {
  uint64_t flights = LEAST_FLIGHTS;
  while (flights < sending->window * 4) flights *= 2;
  sender->publisher = publisher;
  sender->mask = flights - 1;
  sender->flights = calloc(flights, sizeof *sender->flights);
  sender->out = malloc(OUT_SIZE);
  if (!sender->flights || !sender->out) die("out of memory");
  if (sending->template->length > OUT_SIZE) die("the payload is too large");
}

/* 1: all sent, 0: the socket is full, -1: it is closed (reported where it is read). */
static int flush(struct sender *sender) {
  while (sender->out_sent < sender->out_length) {
    ssize_t sent = send(sender->connection.fd, sender->out + sender->out_sent,
                        sender->out_length - sender->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? 0 : -1;
    }
    sender->out_sent += (size_t)sent;
  }
  sender->out_sent = sender->out_length = 0;
  return 1;
}

static void append(struct sender *sender, const struct sending *sending, uint64_t stamp) {
  uint64_t number = ++sender->published;
  struct digits digits = {
      .publisher = sender->publisher,
      .channel = plan_channel(sending->plan, sender->publisher, number),
      .sequence = plan_sequence(sending->plan, number),
      .number = number,
  };
  sender->flights[number & sender->mask] = (struct flight){
      .stamp = stamp, .undelivered = sending->fan, .unacked = sending->acks != 0};
  sender->open++;
  template_write(sending->template, &digits, sender->out + sender->out_length);
  sender->out_length += sending->template->length;
}

/* How many may be published now. */
static uint64_t due(const struct sender *sender, const struct sending *sending, uint64_t now) {
  uint64_t room = sender->mask - (sender->published - sender->settled);
  uint64_t window = sending->window > sender->open ? sending->window - sender->open : 0;
  uint64_t count = room < window ? room : window;
  if (sending->interval != 0) {
    uint64_t scheduled =
        now < sender->next_due ? 0 : (now - sender->next_due) / sending->interval + 1;
    return count < scheduled ? count : scheduled;
  }
  return sending->packet == 0 ? count : count - count % sending->packet;
}

int sender_write(struct sender *sender, const struct sending *sending, uint64_t now) {
  for (;;) {
    if (sender->out_length == 0) {
      uint64_t count = due(sender, sending, now);
      if (sending->packet != 0 && count > sending->packet) count = sending->packet;
      size_t fits = OUT_SIZE / sending->template->length;
      if (count > fits) count = fits;
      if (count == 0) return 0;
      for (; count > 0; count--) {
        append(sender, sending, sending->interval ? sender->next_due : now);
        sender->next_due += sending->interval;
      }
    }
    int flushed = flush(sender);
    if (flushed <= 0) return flushed == 0;
  }
}

static void settle(struct sender *sender) {
  while (sender->settled < sender->published) {
    const struct flight *flight = &sender->flights[(sender->settled + 1) & sender->mask];
    if (flight->undelivered != 0 || flight->unacked != 0) return;
    sender->settled++;
  }
}

static struct flight *in_flight(struct sender *sender, uint64_t number) {
  if (number <= sender->settled || number > sender->published) return NULL;
  return &sender->flights[number & sender->mask];
}

uint64_t sender_delivered(struct sender *sender, struct sending *sending, uint64_t number,
                          uint64_t now) {
  struct flight *flight = in_flight(sender, number);
  if (!flight || flight->undelivered == 0) return 0;
  uint64_t stamp = flight->stamp;
  if (--flight->undelivered == 0) {
    if (sending->last) histogram_record(sending->last, now - stamp);
    if (!sending->await_acks) sender->open--;
    settle(sender);
  }
  return stamp;
}

static uint64_t oldest_unacked(struct sender *sender) {
  for (uint64_t number = sender->settled + 1; number <= sender->published; number++)
    if (sender->flights[number & sender->mask].unacked) return number;
  return 0;
}

static void take_ack(struct sender *sender, struct sending *sending, const struct message *message,
                     uint64_t now) {
  uint64_t number = message->number == NUMBER_OF_OLDEST ? oldest_unacked(sender) : message->number;
  struct flight *flight = in_flight(sender, number);
  if (!flight || !flight->unacked) {
    problem_set(sending->problem,
                (struct problem){.kind = "unexpected",
                                 .subscriber = -1,
                                 .publisher = (int)sender->publisher,
                                 .channel = -1,
                                 .expected = sender->settled + 1,
                                 .received = number},
                message);
    return;
  }
  flight->unacked = 0;
  sender->acks++;
  sending->messages_acked++;
  if (sending->acked) histogram_record(sending->acked, now - flight->stamp);
  if (sending->ledger) {
    const struct plan *plan = sending->plan;
    uint32_t channel = plan_channel(plan, sender->publisher, number);
    uint32_t *highest = &sending->ledger[channel * plan->publishers + sender->publisher];
    uint32_t sequence = (uint32_t)plan_sequence(plan, number);
    if (sequence > *highest) *highest = sequence;
  }
  if (sending->await_acks) sender->open--;
  settle(sender);
}

int sender_read(struct sender *sender, struct sending *sending, struct reader *reader,
                uint64_t now) {
  int filled = reader_fill(reader, &sender->connection);
  if (filled <= 0) return filled == 0;
  struct message message;
  int more;
  while ((more = reader_next(reader, &sender->connection, &reader->ack_hints, &message)) > 0) {
    if (message.kind == KIND_ACK && sending->acks)
      take_ack(sender, sending, &message, now);
    else
      more = -1;
    if (more < 0 || sending->problem->kind) break;
  }
  if (more < 0)
    problem_set(sending->problem,
                (struct problem){.kind = problem_kind(&message),
                                 .subscriber = -1,
                                 .publisher = (int)sender->publisher,
                                 .channel = -1},
                &message);
  reader_keep(reader, &sender->connection);
  return 1;
}
