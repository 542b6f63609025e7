#define _GNU_SOURCE
#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "program.h"

enum { WORKSPACE = (256 + 64) << 10, EVENTS = 512 };
static const uint32_t stdin_number = UINT32_MAX;

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) die("out of memory");
  return memory;
}

static void read_tokens(struct fleet *fleet) {
  if (!fleet->options.tokens) return;
  FILE *file = fopen(fleet->options.tokens, "r");
  if (!file) die("%s: %s", fleet->options.tokens, strerror(errno));
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  while ((length = getline(&line, &size, file)) > 0) {
    line[strcspn(line, "\n")] = 0;
    fleet->tokens = realloc(fleet->tokens, ((size_t)fleet->token_count + 1) * sizeof *fleet->tokens);
    if (!fleet->tokens) die("out of memory");
    fleet->tokens[fleet->token_count++] = strdup(line);
  }
  free(line);
  fclose(file);
}

void fleet_init(struct fleet *fleet) {
  const struct options *options = &fleet->options;
  fleet->count = options->clients + options->untouched;
  uint64_t files = raise_file_limit();
  if ((uint64_t)fleet->count + 32 > files)
    die("%d connections need more than the %lu files of `ulimit -Hn`", fleet->count,
        (unsigned long)files);
  size_t count = (size_t)fleet->count + 1;
  fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
  fleet->channels = allocate((size_t)options->channels, sizeof *fleet->channels);
  fleet->stamps = allocate((size_t)options->channels, sizeof *fleet->stamps);
  fleet->clients = allocate(count, sizeof *fleet->clients);
  fleet->queue = allocate(count, sizeof *fleet->queue);
  fleet->workspace = allocate(1, WORKSPACE);
  for (int i = 0; i < options->channels; i++)
    snprintf(fleet->channels[i].name, sizeof fleet->channels[i].name, "%s%d", options->channel, i);
  for (int i = 0; i <= fleet->count; i++) {
    fleet->clients[i].fd = -1;
    fleet->clients[i].channel = i % options->channels;
  }
  read_tokens(fleet);
}

void fleet_fail(struct fleet *fleet, const char *kind, int client, const struct frame *frame) {
  struct problem *problem = &fleet->problem;
  if (problem->kind) return;
  problem->kind = kind;
  problem->client = client;
  if (frame) copy_printable(problem->text, sizeof problem->text, frame->payload, frame->length);
}

void fleet_enqueue(struct fleet *fleet, int client, uint64_t due) {
  int capacity = fleet->count + 1;
  fleet->clients[client].due = due;
  fleet->queue[(fleet->queue_first + fleet->queue_length++) % capacity] = client;
}

static void open_due(struct fleet *fleet) {
  uint64_t now = clock_ns();
  while (fleet->queue_length > 0 && fleet->connecting < fleet->options.outstanding) {
    int next = fleet->queue[fleet->queue_first];
    if (fleet->clients[next].due > now) return;
    /* Without a schedule the clock of a connection starts with it. */
    if (fleet->clients[next].due == 0) fleet->clients[next].due = now = clock_ns();
    fleet->queue_first = (fleet->queue_first + 1) % (fleet->count + 1);
    fleet->queue_length--;
    client_open(fleet, next);
  }
}

static void read_line(struct fleet *fleet) {
  char line[64];
  ssize_t got = read(STDIN_FILENO, line, sizeof line);
  if (got <= 0) die("stdin ended before the run did");
  fleet->line_read = 1;
}

void fleet_turn(struct fleet *fleet, int wait_ms) {
  struct epoll_event events[EVENTS];
  open_due(fleet);
  int count = epoll_wait(fleet->epoll, events, EVENTS, wait_ms);
  for (int i = 0; i < count && !fleet->problem.kind; i++) {
    if (events[i].data.u32 == stdin_number) read_line(fleet);
    else client_ready(fleet, (int)events[i].data.u32, events[i].events);
  }
}

void fleet_connect(struct fleet *fleet, int from, int to) {
  int live = fleet->live + to - from;
  for (int i = from; i < to; i++) fleet_enqueue(fleet, i, 0);
  fleet->progress_at = clock_ns();
  while (fleet->live < live && !fleet->problem.kind) {
    fleet_turn(fleet, 10);
    if (clock_ns() - fleet->progress_at > ns(fleet->options.stall))
      fleet_fail(fleet, "stall", -1, NULL);
  }
}

void fleet_cut(struct fleet *fleet, int number) {
  struct client *client = &fleet->clients[number];
  if (client->fd < 0) return;
  if (client->state == LIVE) fleet->live--;
  else fleet->connecting--;
  close(client->fd);
  client->fd = -1;
  client->state = AWAY;
  client->carried = 0;
}

void fleet_watch_stdin(struct fleet *fleet) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = stdin_number};
  if (epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
    die("stdin is no pipe: %s", strerror(errno));
}
