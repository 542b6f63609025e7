#define _GNU_SOURCE
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include "program.h"

/* LAG: publications a subscriber may be behind when acks open the window. */
enum { LAG = 8192, EVENTS = 32, SAMPLE_EVERY = 64 };

static const double QUIET_SECONDS = 0.1;
/* Open loop: how long the end of the stream may take before the rate counts as not sustained. */
static const double DRAIN_SECONDS = 2;
/* How long a laggard that is promised nothing is waited for. */
static const double LAGGARD_SECONDS = 1;

void run_connect(struct run *run) {
  const struct options *options = &run->options;
  raise_file_limit();
  uint64_t window = options->await_acks ? options->in_flight + LAG : options->in_flight;
  checker_init(&run->checker, options->protocol, window);
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  run->healthy = options->subscribers - options->stalled - options->slow;
  run->subscribers = calloc((size_t)run->healthy, sizeof *run->subscribers);
  size_t rest;
  struct subscription subscription = {0};
  for (int i = 0; i < run->healthy; i++) {
    struct subscriber *subscriber = &run->subscribers[i];
    subscriber->number = i;
    subscriber->fd = session_open(&run->checker, &options->target, &subscription,
                                  &subscriber->wrapper, &rest);
    subscriber_carry(subscriber, run->checker.workspace, rest);
    watch(run->epoll, EPOLL_CTL_ADD, subscriber->fd, EPOLLIN, (uint32_t)i);
  }
  laggards_connect(&run->laggards, &run->checker, &options->target, run->healthy, options->stalled,
                   options->slow, options->slow_rate);
  publisher_init(&run->publisher, &run->checker, options->target.channel, options->payload,
                 options->words);
  if (options->rate > 0) run->publisher.interval = 1e9 / options->rate;
  run->publisher.fd = session_open(&run->checker, &options->target, NULL,
                                   &run->publisher.wrapper, &rest);
  memcpy(run->publisher.in, run->checker.workspace, rest);
  run->publisher.in_length = rest;
  watch(run->epoll, EPOLL_CTL_ADD, run->publisher.fd, EPOLLIN, (uint32_t)run->healthy);
}

/* How many may be published in all by now. */
static uint64_t publish_limit(struct run *run, uint64_t now) {
  if (run->phase > MEASURING) return run->publisher.published; /* what is in the buffer still leaves */
  uint64_t received = run->checker.stream.first;
  if (run->options.rate > 0) {
    uint64_t due = publisher_due(&run->publisher, now);
    if (due <= received + run->options.in_flight) return due;
    run->unsustained = 1;
  }
  if (!run->options.await_acks) return received + run->options.in_flight;
  uint64_t limit = run->publisher.acks + run->options.in_flight;
  return limit < received + LAG ? limit : received + LAG;
}

static void publish_due(struct run *run) {
  uint64_t now = clock_ns();
  int full = publisher_write(&run->publisher, &run->checker, publish_limit(run, now), now);
  if (full == run->want_write) return;
  run->want_write = full;
  watch(run->epoll, EPOLL_CTL_MOD, run->publisher.fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN,
        (uint32_t)run->healthy);
}

/* In an open loop it is the time when a publication was due that says whether it belongs to the window. */
static int counts(const struct run *run, uint64_t stamp) {
  if (run->options.rate > 0) return run->phase >= MEASURING && stamp >= run->begin;
  return run->phase == MEASURING;
}

/* Latency as this subscriber saw it. */
static void sample(struct run *run, struct subscriber *subscriber, uint64_t now) {
  const struct stream *stream = &run->checker.stream;
  uint64_t received = stream_received(stream, subscriber->position);
  if (subscriber->seen < stream->first) subscriber->seen = stream->first;
  for (; subscriber->seen < received; subscriber->seen++) {
    uint64_t stamp = run->publisher.stamps[(subscriber->seen + 1) & stream->mask];
    if (counts(run, stamp)) histogram_record(&run->sampled, now - stamp);
  }
}

/* What the slowest subscriber has now received is received by all. */
static void settle(struct run *run, uint64_t now) {
  struct stream *stream = &run->checker.stream;
  uint64_t before = stream->first;
  int slowest = run->slowest;
  if (run->subscribers[slowest].position == stream->tail) return;
  for (int i = 0; i < run->healthy; i++)
    if (run->subscribers[i].position < run->subscribers[slowest].position) slowest = i;
  run->slowest = slowest;
  stream_release(stream, run->subscribers[slowest].position);
  if (stream->first == before) return;
  run->progress_at = now;
  for (uint64_t done = before + 1; done <= stream->first; done++) {
    uint64_t stamp = run->publisher.stamps[done & stream->mask];
    if (counts(run, stamp)) histogram_record(&run->last, now - stamp);
  }
}

static uint64_t deliveries(const struct run *run) {
  uint64_t sum = 0;
  for (int i = 0; i < run->healthy; i++)
    sum += stream_received(&run->checker.stream, run->subscribers[i].position);
  return sum;
}

static uint64_t due(const struct run *run, uint64_t now) {
  return run->options.rate > 0 ? publisher_due(&run->publisher, now) : run->publisher.published;
}

static void begin_window(struct run *run, uint64_t now) {
  run->begin = now;
  run->deliveries = deliveries(run);
  run->published = run->publisher.published;
  run->due = due(run, now);
  run->acks = run->publisher.acks;
  run->wire_bytes = run->checker.wire_bytes;
  run->cpu = cpu_seconds();
  print_event("begin");
}

static void end_window(struct run *run, uint64_t now) {
  run->seconds = (double)(now - run->begin) / 1e9;
  run->deliveries = deliveries(run) - run->deliveries;
  run->published = run->publisher.published - run->published;
  run->due = due(run, now) - run->due;
  run->acks = run->publisher.acks - run->acks;
  run->wire_bytes = run->checker.wire_bytes - run->wire_bytes;
  run->cpu = cpu_seconds() - run->cpu;
  print_event("end");
}

static int everything_arrived(const struct run *run) {
  const struct publisher *publisher = &run->publisher;
  return run->checker.stream.first == publisher->published &&
         (!publisher->protocol->acks || publisher->acks == publisher->published);
}

static void check_stall(struct run *run, uint64_t now) {
  if (everything_arrived(run)) {
    run->progress_at = now;
  } else if (!run->checker.problem.kind && now - run->progress_at > ns(run->options.stall)) {
    struct checker *checker = &run->checker;
    int acks = checker->stream.first == run->publisher.published;
    checker_fail(checker, "stall", acks ? -1 : run->slowest, NULL);
    checker->problem.expected = run->publisher.published;
    checker->problem.received = acks ? run->publisher.acks : checker->stream.first;
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
      run->phase = DRAINING;
      run->phase_ends = now + ns(DRAIN_SECONDS);
      return;
    case DRAINING:
      if (everything_arrived(run)) {
        run->phase = CATCHING_UP;
      } else if (run->options.rate > 0 && now >= run->phase_ends) {
        run->unsustained = 1;
        run->phase = DONE;
      }
      return;
    case CATCHING_UP:
      if (!laggards_catch_up(&run->laggards, &run->checker, run->publisher.published, now,
                             ns(LAGGARD_SECONDS)))
        return;
      run->phase = LISTENING;
      run->phase_ends = now + ns(QUIET_SECONDS);
      return;
    case LISTENING: /* for deliveries that should not come */
      if (now >= run->phase_ends) run->phase = DONE;
      return;
    case DONE: return;
  }
}

/* Waits for something to read, or until the next publication is due. */
static int wait_for_events(const struct run *run, struct epoll_event *events) {
  struct timespec patience = {.tv_nsec = 10000000};
  const struct publisher *publisher = &run->publisher;
  if (run->phase == CATCHING_UP) {
    patience.tv_nsec = 0;
  } else if (run->options.rate > 0 && run->phase <= MEASURING && publisher->out_length == 0) {
    uint64_t next = publisher_time_of(publisher, publisher->published + 1);
    uint64_t now = clock_ns();
    if (next <= now + 10000000) patience.tv_nsec = next <= now ? 0 : (long)(next - now);
    if (run->unsustained) patience.tv_nsec = 1000000;
  }
  return epoll_pwait2(run->epoll, events, EVENTS, &patience, NULL);
}

void run_measure(struct run *run) {
  struct epoll_event events[EVENTS];
  prctl(PR_SET_TIMERSLACK, 1); /* else the kernel adds 50 us to every wait */
  uint64_t now = run->progress_at = run->publisher.started = clock_ns();
  run->phase_ends = now + ns(run->options.warmup);
  while (run->phase != DONE && !run->checker.problem.kind) {
    publish_due(run);
    int count = wait_for_events(run, events);
    for (int i = 0; i < count && !run->checker.problem.kind; i++) {
      int number = (int)events[i].data.u32;
      if (number == run->healthy) {
        if (!(events[i].events & ~(uint32_t)EPOLLOUT)) continue;
        uint64_t acks = run->publisher.acks;
        now = clock_ns();
        publisher_read(&run->publisher, &run->checker, now,
                       run->phase == MEASURING ? &run->acked : NULL);
        if (run->publisher.acks != acks) run->progress_at = now;
      } else {
        subscriber_read(&run->checker, &run->subscribers[number]);
        if (number % SAMPLE_EVERY == 0) sample(run, &run->subscribers[number], clock_ns());
      }
    }
    now = clock_ns();
    settle(run, now);
    if (run->phase < CATCHING_UP) laggards_tick(&run->laggards, &run->checker, now);
    check_stall(run, now);
    advance_phase(run, now);
  }
}
