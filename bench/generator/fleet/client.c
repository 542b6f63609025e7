#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet.h"
#include "program.h"
#include "protocol.h"

enum { READ_SIZE = 256 << 10, CARRY_SIZE = 64 << 10 };
enum { RETRY_MS = 500 };
/* A source address has few ports, and the kernel takes long to find a free one of many that are taken. */
enum { CLIENTS_PER_ADDRESS = 4000, FIRST_PORT = 20000 };

struct speaker client_speaker(const struct fleet *fleet, struct client *client) {
  long number = client - fleet->clients;
  return (struct speaker){
      .server = fleet->options.server,
      .channel = number < fleet->count ? &fleet->channels[client->channel] : NULL,
      .token = fleet->token_count ? fleet->tokens[number % fleet->token_count] : "",
      .resumes = client->resumes && fleet->options.recovers,
      .received = client->received,
      .ticket = fleet->options.recovers ? &client->ticket : NULL,
  };
}

/* 127.x.y.1, where x is the process's: two of them do not take each other's ports. */
static int bound_socket(int number) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  /* Every end is a reset: no port is left in TIME_WAIT. */
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  uint32_t host = 127U << 24 | (uint32_t)(16 + getpid() % 200) << 16 |
                  (uint32_t)(1 + number / CLIENTS_PER_ADDRESS) << 8 | 1;
  struct sockaddr_in source = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)(FIRST_PORT + number % CLIENTS_PER_ADDRESS)),
                               .sin_addr.s_addr = htonl(host)};
  if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
    die("bind to port %d: %s", ntohs(source.sin_port), strerror(errno));
  return fd;
}

/* 0 when the connection is not there yet. */
static int send_request(struct fleet *fleet, struct client *client) {
  char request[8192];
  struct speaker speaker = client_speaker(fleet, client);
  size_t length = dialect_request(&speaker, fleet->options.host, fleet->options.port, request,
                                  sizeof request);
  ssize_t sent = send(client->fd, request, length, MSG_NOSIGNAL);
  if (sent < 0) return !(errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS);
  if ((size_t)sent < length) die("a new socket takes no request");
  return 1;
}

void client_open(struct fleet *fleet, int number) {
  struct client *client = &fleet->clients[number];
  client->fd = bound_socket(number);
  client->step = 0;
  client->carried = 0;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)fleet->options.port)};
  if (inet_pton(AF_INET, fleet->options.host, &address.sin_addr) != 1)
    die("not an IPv4 address: %s", fleet->options.host);
  if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    die("connect %s:%d: %s", fleet->options.host, fleet->options.port, strerror(errno));
  fleet->connecting++;
  int sent = send_request(fleet, client);
  client->state = sent ? UPGRADING : CONNECTING;
  watch(fleet->epoll, EPOLL_CTL_ADD, client->fd, sent ? EPOLLIN : EPOLLIN | EPOLLOUT,
        (uint32_t)number);
}

/* The server ended it. A client that was cut comes again, as one does that is told to come later. */
static void ended(struct fleet *fleet, int number, const char *text, size_t length) {
  struct client *client = &fleet->clients[number];
  struct frame last = {.payload = (const uint8_t *)text, .length = length};
  if (client->state == LIVE || !client->resumes) {
    fleet_fail(fleet, client->state == LIVE ? "closed" : "refused", number, &last);
    return;
  }
  fleet->refused++;
  fleet_cut(fleet, number);
  fleet_enqueue(fleet, number, clock_ns() + RETRY_MS * 1000000ULL);
}

static void is_live(struct fleet *fleet, struct client *client) {
  uint64_t now = clock_ns();
  client->state = LIVE;
  fleet->connecting--;
  fleet->live++;
  fleet->progress_at = now;
  histogram_record(&fleet->connects, now - client->due);
  client->target = fleet->channels[client->channel].published;
  if (client->received >= client->target && !client->caught_up) {
    client->caught_up = 1;
    fleet->caught_up++;
  }
}

static void greet(struct fleet *fleet, int number, const struct frame *frame, enum word word) {
  struct client *client = &fleet->clients[number];
  struct speaker speaker = client_speaker(fleet, client);
  struct channel *channel = &fleet->channels[client->channel];
  if (word == WORD_LIVE) {
    if (speaker.server == TIDEWIRE && !dialect_subscribed(frame, &speaker, channel))
      fleet->unrecovered++;
    if (speaker.server == SOCKETIO && speaker.resumes) fleet->unrecovered++;
    is_live(fleet, client);
    return;
  }
  char reply[2048];
  size_t length = dialect_reply(&speaker, frame, client->step++, reply, sizeof reply);
  if (length == 0) is_live(fleet, client);
  else websocket_send(client->fd, OP_TEXT, reply, length);
}

/* Whether the publication is the one that comes next, and what it is otherwise. */
static void count(struct fleet *fleet, struct client *client, uint64_t sequence) {
  if (sequence == client->received + 1) {
    client->received = sequence;
  } else if (sequence > client->received) {
    client->missed_from = client->received;
    client->missed_to = sequence;
    fleet->lost += sequence - client->received - 1;
    client->received = sequence;
  } else if (sequence > client->missed_from && sequence < client->missed_to) {
    client->missed_from = sequence;
    fleet->lost--;
    fleet->reordered++;
  } else {
    fleet->doubled++;
  }
}

static void take(struct fleet *fleet, int number, const struct frame *frame) {
  struct client *client = &fleet->clients[number];
  const struct channel *channel = &fleet->channels[client->channel];
  uint64_t sequence = protocol_sequence(frame);
  if (number >= fleet->count || sequence == 0 || sequence > channel->published) {
    fleet_fail(fleet, "unexpected", number, frame);
    return;
  }
  if (fleet->options.server == TIDEWIRE &&
      protocol_offset(frame) != channel->offset_of_zero + sequence) {
    fleet_fail(fleet, "offset", number, frame);
    return;
  }
  count(fleet, client, sequence);
  fleet->deliveries++;
  if (fleet->options.recovers) dialect_remember(frame, &client->ticket);
  if (fleet->latency && number >= fleet->options.clients)
    histogram_record(fleet->latency,
                     clock_ns() - fleet->stamps[client->channel][sequence % STAMPS]);
  if (client->state == LIVE && !client->caught_up && client->received >= client->target) {
    client->caught_up = 1;
    fleet->caught_up++;
    fleet->progress_at = clock_ns();
  }
}

static void handle(struct fleet *fleet, int number, const struct frame *frame) {
  struct client *client = &fleet->clients[number];
  if (dialect_heartbeat(fleet->options.server, client->fd, frame)) {
    fleet->heartbeats++;
    return;
  }
  if (frame->opcode == OP_CLOSE) {
    ended(fleet, number, (const char *)frame->payload, frame->length);
    return;
  }
  enum word word = dialect_word(fleet->options.server, frame);
  if (word == WORD_PUBLICATION) take(fleet, number, frame);
  else if (word == WORD_ACK) fleet->acks++;
  else if (word == WORD_NOTHING) return;
  else if (word == WORD_FAILURE) ended(fleet, number, (const char *)frame->payload, frame->length);
  else if (client->state == GREETING) greet(fleet, number, frame, word);
  else fleet_fail(fleet, "unexpected", number, frame);
}

/* Bytes of the response to the upgrade; 0 when it is not complete, -1 when it is a refusal. */
static long upgraded(const uint8_t *data, size_t size) {
  const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
  if (!end) return 0;
  return memmem(data, (size_t)(end - data), " 101 ", 5) ? end + 4 - data : -1;
}

static void keep(struct client *client, const uint8_t *data, size_t size) {
  client->carried = size;
  if (size == 0) return;
  if (size > CARRY_SIZE) die("a frame above 64 KiB");
  client->carry = realloc(client->carry, size);
  if (!client->carry) die("out of memory");
  memcpy(client->carry, data, size);
}

static void receive(struct fleet *fleet, int number, uint8_t *data, size_t size) {
  struct client *client = &fleet->clients[number];
  int fd = client->fd;
  long length = 1;
  if (client->state == UPGRADING) {
    length = upgraded(data, size);
    if (length < 0) {
      ended(fleet, number, (const char *)data, size);
      return;
    }
    if (length > 0) client->state = GREETING;
    data += length;
    size -= (size_t)length;
  }
  struct frame frame;
  while (client->state >= GREETING && (length = frame_decode(data, size, &frame)) > 0) {
    data += length;
    size -= (size_t)length;
    handle(fleet, number, &frame);
    if (fleet->problem.kind || client->fd != fd) return;
  }
  if (length < 0) fleet_fail(fleet, "unexpected", number, NULL);
  else keep(client, data, size);
}

void client_ready(struct fleet *fleet, int number, uint32_t events) {
  struct client *client = &fleet->clients[number];
  if (client->state == AWAY) return;
  if (client->state == CONNECTING) {
    if (events & EPOLLERR) {
      ended(fleet, number, "no connection", 13);
      return;
    }
    if (!send_request(fleet, client)) return;
    client->state = UPGRADING;
    watch(fleet->epoll, EPOLL_CTL_MOD, client->fd, EPOLLIN, (uint32_t)number);
    return;
  }
  uint8_t *data = fleet->workspace + CARRY_SIZE;
  ssize_t got = recv(client->fd, data, READ_SIZE, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    ended(fleet, number, "the connection is gone", 22);
    return;
  }
  size_t before = client->carried;
  if (before > 0) memcpy(data - before, client->carry, before);
  client->carried = 0;
  receive(fleet, number, data - before, before + (size_t)got);
}
