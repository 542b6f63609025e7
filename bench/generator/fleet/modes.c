#define _GNU_SOURCE
#include <stdio.h>

#include "fleet.h"
#include "program.h"

/* What comes late, doubled or out of order comes within it. */
static const double quiet_seconds = 0.5;

static void say(const char *event, int clients) {
  printf("{\"event\":\"%s\",\"clients\":%d}\n", event, clients);
  fflush(stdout);
}

static void print_problem(const struct problem *problem) {
  printf(",\"problem\":{\"client\":%d", problem->client);
  print_string("kind", problem->kind);
  print_string("text", problem->text);
  printf("}");
}

/* Opens the line that `end_result` closes. */
static void begin_result(const struct fleet *fleet, double seconds, double cpu) {
  printf("{\"event\":\"result\",\"ok\":%s,\"clients\":%d,\"seconds\":%.6f,\"cpu_seconds\":%.4f,"
         "\"heartbeats\":%llu,\"refused\":%llu",
         fleet->problem.kind ? "false" : "true", fleet->options.clients, seconds, cpu,
         (unsigned long long)fleet->heartbeats, (unsigned long long)fleet->refused);
  print_latency("connect_ms", &fleet->connects);
}

static void end_result(const struct fleet *fleet) {
  if (fleet->problem.kind) print_problem(&fleet->problem);
  printf("}\n");
  fflush(stdout);
}

static void await_line(struct fleet *fleet) {
  fleet->line_read = 0;
  while (!fleet->line_read && !fleet->problem.kind) fleet_turn(fleet, 1000);
}

/* Between two lines: how many heartbeats that is. */
static void count_heartbeats(struct fleet *fleet) {
  await_line(fleet);
  uint64_t before = fleet->heartbeats;
  say("begin", fleet->live);
  await_line(fleet);
  printf("{\"event\":\"end\",\"heartbeats\":%llu}\n",
         (unsigned long long)(fleet->heartbeats - before));
  fflush(stdout);
}

void run_idle(struct fleet *fleet) {
  fleet_watch_stdin(fleet);
  uint64_t began = clock_ns();
  int connected = 0;
  for (int i = 0; i < MAX_STOPS && fleet->options.stops[i] && !fleet->problem.kind; i++) {
    fleet_connect(fleet, connected, fleet->options.stops[i]);
    connected = fleet->options.stops[i];
    if (fleet->problem.kind) break;
    say("connected", connected);
    if (connected < fleet->options.clients) await_line(fleet);
  }
  if (!fleet->problem.kind) count_heartbeats(fleet);
  if (!fleet->problem.kind) await_line(fleet);
  begin_result(fleet, (double)(clock_ns() - began) / 1e9, cpu_seconds());
  end_result(fleet);
}

void run_storm(struct fleet *fleet) {
  int warmup = fleet->options.warmup_clients;
  if (warmup > fleet->options.clients) warmup = fleet->options.clients;
  fleet_connect(fleet, 0, warmup);
  if (!fleet->problem.kind)
    for (int i = 0; i < warmup; i++) fleet_cut(fleet, i);
  uint64_t until = clock_ns() + ns(quiet_seconds);
  while (clock_ns() < until && !fleet->problem.kind) fleet_turn(fleet, 20);
  fleet->connects = (struct histogram){0};
  /* What the server has seen is not shown again. */
  if (fleet->token_count > warmup) {
    fleet->tokens += warmup;
    fleet->token_count -= warmup;
  }
  double cpu = cpu_seconds();
  uint64_t began = clock_ns();
  say("begin", 0);
  if (!fleet->problem.kind) fleet_connect(fleet, 0, fleet->options.clients);
  uint64_t ended = clock_ns();
  say("end", fleet->live);
  begin_result(fleet, (double)(ended - began) / 1e9, cpu_seconds() - cpu);
  end_result(fleet);
}

/* The publications of all channels in turn, at times that do not depend on the server. */
struct schedule {
  uint64_t start;
  double every; /* ns */
  uint64_t done;
  int stopped;
};

static void publish_due(struct fleet *fleet, struct schedule *schedule) {
  struct client *publisher = &fleet->clients[fleet->count];
  uint64_t now = clock_ns();
  while (!schedule->stopped) {
    uint64_t due = schedule->start + (uint64_t)((double)schedule->done * schedule->every);
    if (due > now) return;
    int number = (int)(schedule->done++ % (uint64_t)fleet->options.channels);
    struct channel *channel = &fleet->channels[number];
    struct speaker speaker = client_speaker(fleet, publisher);
    speaker.channel = channel;
    char text[1024];
    size_t length = dialect_publish(&speaker, fleet->options.payload, text, sizeof text);
    channel->published++;
    fleet->stamps[number][channel->published % STAMPS] = due;
    websocket_send(publisher->fd, OP_TEXT, text, length);
  }
}

/* Publishes and turns until `until`. */
static void go_on(struct fleet *fleet, struct schedule *schedule, uint64_t until) {
  while (clock_ns() < until && !fleet->problem.kind) {
    publish_due(fleet, schedule);
    fleet_turn(fleet, 1);
  }
}

/* Each in its time, however many are on their way: no client waits for another. */
static void come_back(struct fleet *fleet, struct schedule *schedule, uint64_t start) {
  struct options *options = &fleet->options;
  options->outstanding = options->clients;
  for (int i = 0; i < options->clients; i++)
    fleet_enqueue(fleet, i, start + (uint64_t)(ns(options->spread) / (double)options->clients * i));
  while (fleet->caught_up < options->clients && !fleet->problem.kind) {
    publish_due(fleet, schedule);
    fleet_turn(fleet, 1);
    uint64_t now = clock_ns();
    if (now > start && now - start > ns(options->limit)) fleet_fail(fleet, "late", -1, NULL);
  }
}

static int everything_arrived(const struct fleet *fleet) {
  for (int i = 0; i < fleet->count; i++)
    if (fleet->clients[i].received < fleet->channels[fleet->clients[i].channel].published) return 0;
  return 1;
}

/* What was published is there for all, or is lost. */
static void settle(struct fleet *fleet) {
  uint64_t until = clock_ns() + ns(fleet->options.stall);
  while (!everything_arrived(fleet) && clock_ns() < until && !fleet->problem.kind)
    fleet_turn(fleet, 5);
  until = clock_ns() + ns(quiet_seconds);
  while (clock_ns() < until && !fleet->problem.kind) fleet_turn(fleet, 5);
  for (int i = 0; i < fleet->count; i++)
    fleet->lost += fleet->channels[fleet->clients[i].channel].published - fleet->clients[i].received;
}

static void cut_all(struct fleet *fleet) {
  for (int i = 0; i < fleet->options.clients; i++) {
    fleet_cut(fleet, i);
    fleet->clients[i].resumes = 1;
    fleet->clients[i].caught_up = 0;
  }
  fleet->caught_up = 0;
}

void run_drop(struct fleet *fleet) {
  const struct options *options = &fleet->options;
  static struct histogram calm, storm;
  fleet_connect(fleet, 0, fleet->count);
  if (!fleet->problem.kind) fleet_connect(fleet, fleet->count, fleet->count + 1);
  fleet->connects = (struct histogram){0};
  struct schedule schedule = {.start = clock_ns(),
                              .every = 1e9 / (options->rate * options->channels)};
  go_on(fleet, &schedule, schedule.start + ns(options->calm / 2));
  fleet->latency = &calm;
  go_on(fleet, &schedule, schedule.start + ns(options->calm));

  cut_all(fleet);
  uint64_t back = clock_ns() + ns(options->away);
  go_on(fleet, &schedule, back);
  fleet->latency = &storm;
  double cpu = cpu_seconds();
  say("begin", fleet->live);
  if (!fleet->problem.kind) come_back(fleet, &schedule, back);
  uint64_t ended = clock_ns();
  cpu = cpu_seconds() - cpu;
  say("end", fleet->live);
  fleet->latency = NULL;
  go_on(fleet, &schedule, ended + ns(quiet_seconds));
  schedule.stopped = 1;
  if (!fleet->problem.kind) settle(fleet);

  begin_result(fleet, (double)(ended - back) / 1e9, cpu);
  printf(",\"published\":%llu,\"acks\":%llu,\"deliveries\":%llu,\"lost\":%llu,\"doubled\":%llu,"
         "\"reordered\":%llu,\"unrecovered\":%llu,\"caught_up\":%d",
         (unsigned long long)schedule.done, (unsigned long long)fleet->acks,
         (unsigned long long)fleet->deliveries, (unsigned long long)fleet->lost,
         (unsigned long long)fleet->doubled, (unsigned long long)fleet->reordered,
         (unsigned long long)fleet->unrecovered, fleet->caught_up);
  print_latency("calm_ms", &calm);
  print_latency("storm_ms", &storm);
  end_result(fleet);
}
