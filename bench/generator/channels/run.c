#define _GNU_SOURCE
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "program.h"
#include "wire.h"

enum { EVENTS = 256, LONGEST_WAIT_NS = 10000000 };

static const double QUIET_SECONDS = 0.1;

static const struct format *format_of(const struct options *options) {
  const struct dialect *dialect = options->dialect;
  const struct format *format = options->plan.batch ? &dialect->batch
                                : options->acks     ? &dialect->acked
                                                    : &dialect->publish;
  if (!format->body) die("%s cannot publish like that", dialect->name);
  return format;
}

static void open_sender(struct run *run, uint32_t number) {
  struct sender *sender = &run->senders[number];
  struct reader *reader = &run->publisher_reader;
  const struct dialect *dialect = reader->dialect;
  sender_init(sender, &run->sending, number);
  connection_open(&sender->connection, reader, &run->options.target, dialect->publisher_path);
  if (!run->sending.acks || !dialect->inbox) return;
  char text[16];
  snprintf(text, sizeof text, "%0*u", PUBLISHER_DIGITS, number);
  connection_subscribe(&sender->connection, reader, dialect->inbox, "", text);
  connection_await_subscribed(&sender->connection, reader);
}

void run_connect(struct run *run) {
  struct options *options = &run->options;
  const struct plan *plan = &options->plan;
  raise_file_limit();
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  run->senders = calloc(plan->publishers, sizeof *run->senders);
  run->receivers = calloc(plan->subscribers + 1, sizeof *run->receivers);
  if (!run->senders || !run->receivers) die("out of memory");

  const char *protocol = options->subscribe_protocol;
  reader_init(&run->publisher_reader, options->dialect);
  reader_init(&run->reader, protocol ? dialect_named(protocol) : options->dialect);
  run->reader.delivery_hints.prefix = strlen(options->target.names.prefix) + 1;
  run->publisher_reader.ack_hints.parts = plan->batch ? plan->channels : 1;
  template_build(&run->template, format_of(options), &options->target.names, options->payload,
                options->dialect->publisher_path != NULL);
  run->sending = (struct sending){
      .plan = plan,
      .template = &run->template,
      .fan = plan_fan(plan),
      .acks = options->acks,
      .await_acks = options->await_acks,
      .window = options->in_flight,
      .packet = options->packet,
      .interval = options->rate > 0 ? ns((double)plan->publishers / options->rate) : 0,
      .problem = &run->problem,
  };
  if (options->ledger)
    run->sending.ledger = calloc((size_t)plan->channels * plan->publishers, sizeof(uint32_t));
  run->receiving = (struct receiving){
      .plan = plan, .senders = run->senders, .sending = &run->sending, .reader = &run->reader};

  struct target target = options->target;
  if (options->subscribe_path) target.path = options->subscribe_path;
  for (uint32_t i = 0; i < plan->subscribers; i++) {
    receiver_open(&run->receivers[i], &run->receiving, &target, (int)i);
    watch(run->epoll, EPOLL_CTL_ADD, run->receivers[i].connection.fd, EPOLLIN, i);
  }
  for (uint32_t i = 0; i < plan->publishers; i++) {
    open_sender(run, i);
    watch(run->epoll, EPOLL_CTL_ADD, run->senders[i].connection.fd, EPOLLIN, plan->subscribers + i);
  }
}

static void publish_due(struct run *run, uint64_t now) {
  const struct plan *plan = &run->options.plan;
  for (uint32_t i = 0; i < plan->publishers; i++) {
    struct sender *sender = &run->senders[i];
    if (sender->connection.closed) continue;
    if (run->phase >= DRAINING && sender->out_length == 0) continue;
    int full = sender_write(sender, &run->sending, now);
    if (full == sender->connection.want_write) continue;
    sender->connection.want_write = full;
    watch(run->epoll, EPOLL_CTL_MOD, sender->connection.fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN,
          plan->subscribers + i);
  }
}

struct counters run_counters(const struct run *run) {
  struct counters counters = {.deliveries = run->receiving.deliveries,
                              .bytes = run->receiving.bytes,
                              .acks = run->sending.messages_acked,
                              .cpu = cpu_seconds()};
  for (uint32_t i = 0; i < run->options.plan.publishers; i++)
    counters.published += run->senders[i].published;
  return counters;
}

static void begin_window(struct run *run, uint64_t now) {
  run->begin = now;
  run->window = run_counters(run);
  run->sending.last = &run->last;
  run->sending.acked = &run->acked;
  print_event("begin");
}

static void end_window(struct run *run, uint64_t now) {
  struct counters at_begin = run->window;
  struct counters at_end = run_counters(run);
  run->seconds = (double)(now - run->begin) / 1e9;
  run->window = (struct counters){.deliveries = at_end.deliveries - at_begin.deliveries,
                                  .published = at_end.published - at_begin.published,
                                  .acks = at_end.acks - at_begin.acks,
                                  .bytes = at_end.bytes - at_begin.bytes,
                                  .cpu = at_end.cpu - at_begin.cpu};
  run->sending.last = run->sending.acked = NULL;
  print_event("end");
}

static const struct sender *unsettled(const struct run *run) {
  for (uint32_t i = 0; i < run->options.plan.publishers; i++)
    if (run->senders[i].settled < run->senders[i].published) return &run->senders[i];
  return NULL;
}

static void check_stall(struct run *run, uint64_t now) {
  uint64_t progress = run->receiving.deliveries + run->sending.messages_acked;
  const struct sender *late = unsettled(run);
  if (!late || progress != run->progress) {
    run->progress = progress;
    run->progress_at = now;
  } else if (now - run->progress_at > ns(run->options.stall)) {
    uint64_t number = late->settled + 1;
    const struct flight *flight = &late->flights[number & late->mask];
    problem_set(&run->problem,
                (struct problem){
                    .kind = "stall",
                    .subscriber = -1,
                    .publisher = (int)late->publisher,
                    .channel = (int)plan_channel(&run->options.plan, late->publisher, number),
                    .expected = plan_sequence(&run->options.plan, number),
                    .received = flight->undelivered},
                NULL);
  }
}

static void advance_phase(struct run *run, uint64_t now) {
  switch (run->phase) {
    case WARMING_UP:
      if (now < run->phase_ends) return;
      begin_window(run, now);
      run->phase = MEASURING;
      run->phase_ends = now + ns(run->options.seconds);
      return;
    case MEASURING:
      if (now < run->phase_ends) return;
      end_window(run, now);
      run->phase = run->options.until_closed ? UNTIL_CLOSED : DRAINING;
      return;
    case UNTIL_CLOSED: return;
    case DRAINING:
      if (unsettled(run)) return;
      run->phase = LISTENING;
      run->phase_ends = now + ns(QUIET_SECONDS);
      return;
    case LISTENING: /* for deliveries that should not come */
      if (now >= run->phase_ends) run->phase = DONE;
      return;
    case DONE: return;
  }
}

/* Every `every`th connection is asked for latencies; when there are few, all of them. */
static struct histogram *sampled(struct run *run, uint32_t number) {
  enum { SAMPLE_EVERY = 16 };
  int few = run->options.plan.subscribers < 4 * SAMPLE_EVERY;
  return run->phase == MEASURING && (few || number % SAMPLE_EVERY == 0) ? &run->delivered : NULL;
}

/* A connection that was expected to end. Acks may still lie in the others. */
static void forget(struct run *run, uint32_t number) {
  uint32_t subscribers = run->options.plan.subscribers;
  struct connection *connection = number < subscribers
                                      ? &run->receivers[number].connection
                                      : &run->senders[number - subscribers].connection;
  watch(run->epoll, EPOLL_CTL_DEL, connection->fd, 0, number);
  connection->closed = 1;
  if (number >= subscribers && ++run->closed == run->options.plan.publishers) run->phase = DONE;
}

static void serve(struct run *run, uint32_t number, uint64_t now) {
  uint32_t subscribers = run->options.plan.subscribers;
  int open;
  if (number < subscribers) {
    run->receiving.delivered = sampled(run, number);
    open = receiver_read(&run->receivers[number], &run->receiving, now);
  } else {
    open = sender_read(&run->senders[number - subscribers], &run->sending, &run->publisher_reader,
                       now);
  }
  if (open) return;
  if (run->phase == UNTIL_CLOSED) {
    forget(run, number);
    return;
  }
  problem_set(&run->problem,
              (struct problem){.kind = "closed",
                               .subscriber = number < subscribers ? (int)number : -1,
                               .publisher = number < subscribers ? -1 : (int)(number - subscribers),
                               .channel = -1},
              NULL);
}

static uint64_t nearest(const struct run *run, uint64_t now) {
  uint64_t wait = LONGEST_WAIT_NS;
  if (run->sending.interval == 0 || run->phase >= DRAINING) return wait;
  for (uint32_t i = 0; i < run->options.plan.publishers; i++) {
    uint64_t due = run->senders[i].next_due;
    if (due <= now) return run->senders[i].open < run->sending.window ? 0 : 1000000;
    if (due - now < wait) wait = due - now;
  }
  return wait;
}

void run_measure(struct run *run) {
  struct epoll_event events[EVENTS];
  uint64_t now = run->progress_at = clock_ns();
  run->phase_ends = now + ns(run->options.warmup);
  /* Scheduled publishers take turns. */
  for (uint32_t i = 0; i < run->options.plan.publishers; i++)
    run->senders[i].next_due = now + run->sending.interval * i / run->options.plan.publishers;
  while (run->phase != DONE && !run->problem.kind) {
    publish_due(run, now);
    struct timespec wait = {.tv_nsec = (long)nearest(run, now)};
    int count = epoll_pwait2(run->epoll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count && !run->problem.kind && run->phase != DONE; i++)
      if (events[i].events & ~(uint32_t)EPOLLOUT) serve(run, events[i].data.u32, clock_ns());
    now = clock_ns();
    check_stall(run, now);
    advance_phase(run, now);
  }
}
