/* Thousands of clients of one server, each with one subscription, on one epoll. */
#ifndef FLEET_H
#define FLEET_H

#include <stddef.h>
#include <stdint.h>

#include "dialect.h"
#include "histogram.h"

enum { STAMPS = 1024, MAX_STOPS = 8 };

struct options {
  const char *host;
  int port;
  enum server server;
  const char *channel; /* what the names of the channels begin with */
  int channels;
  const char *tokens; /* file with a token in each line; NULL: none */
  int clients;
  int outstanding; /* connections that may be on their way at a time */
  int recovers;    /* the server is asked for what was missed */
  double stall;    /* seconds without any progress that end the run */
  /* idle */
  int stops[MAX_STOPS]; /* numbers of clients at which it waits for a line on stdin */
  /* storm */
  int warmup_clients;
  /* drop */
  int untouched; /* more clients, which are not cut */
  double rate;   /* publications a second and channel */
  size_t payload;
  double calm, away, spread; /* seconds */
  double limit;              /* seconds after which nobody is waited for any more */
};

enum state { AWAY, CONNECTING, UPGRADING, GREETING, LIVE };

struct client {
  int fd;
  uint8_t state;
  uint8_t step;     /* hellos that were answered */
  uint8_t resumes;
  uint8_t caught_up;
  int channel;
  uint64_t received; /* the last publication of its channel that it has */
  uint64_t target;   /* what it has to have to be caught up */
  /* Publications it did not get where they belonged: (from, to). */
  uint64_t missed_from, missed_to;
  uint64_t due; /* when it connects */
  uint8_t *carry; /* the start of a frame */
  size_t carried;
  struct ticket ticket;
};

struct problem {
  const char *kind; /* NULL: none */
  int client;
  char text[200];
};

struct fleet {
  struct options options;
  int epoll;
  struct channel *channels;
  uint64_t (*stamps)[STAMPS]; /* scheduled times of publications, by channel */
  struct client *clients;     /* the subscribers, the untouched ones and the publisher */
  int count;                  /* without the publisher */
  const char **tokens;
  int token_count;
  uint8_t *workspace;
  /* Clients that are to connect, in the order of `due`. */
  int *queue;
  int queue_first, queue_length;
  int connecting, live, caught_up;
  uint64_t progress_at;
  uint64_t deliveries, acks, heartbeats;
  uint64_t lost, doubled, reordered, unrecovered, refused;
  struct histogram connects;  /* from `due` to subscribed */
  struct histogram *latency;  /* of the untouched clients; NULL: not now */
  int line_read;              /* a line came on stdin */
  struct problem problem;
};

void fleet_init(struct fleet *fleet);
void fleet_fail(struct fleet *fleet, const char *kind, int client, const struct frame *frame);

/* Puts the client in line for a connection at `due`. */
void fleet_enqueue(struct fleet *fleet, int client, uint64_t due);
/* Opens what is due, within the bound of outstanding ones, and handles what came within `wait_ms`. */
void fleet_turn(struct fleet *fleet, int wait_ms);
/* Turns until the first `clients` are subscribed or something is wrong. */
void fleet_connect(struct fleet *fleet, int from, int to);
/* Reset of the TCP connection, as when a network or a proxy goes. */
void fleet_cut(struct fleet *fleet, int client);
void fleet_watch_stdin(struct fleet *fleet);

/* One connection, from its request to its end. */
void client_open(struct fleet *fleet, int number);
void client_ready(struct fleet *fleet, int number, uint32_t events);
struct speaker client_speaker(const struct fleet *fleet, struct client *client);

void run_idle(struct fleet *fleet);
void run_storm(struct fleet *fleet);
void run_drop(struct fleet *fleet);

#endif
