#define _GNU_SOURCE
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "wire.h"

void reader_init(struct reader *reader, const struct dialect *dialect) {
  *reader = (struct reader){.dialect = dialect, .workspace = malloc(CARRY_SIZE + READ_SIZE)};
  if (!reader->workspace) die("out of memory");
}

int reader_fill(struct reader *reader, struct connection *connection) {
  uint8_t *start = reader->workspace + CARRY_SIZE;
  ssize_t got = recv(connection->fd, start, READ_SIZE, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) return -1;
  size_t carried = connection->carried;
  if (carried > 0) memcpy(start - carried, connection->carry, carried);
  connection->carried = 0;
  reader->data = start - carried;
  reader->size = carried + (size_t)got;
  return 1;
}

int reader_next(struct reader *reader, struct connection *connection, struct hints *hints,
                struct message *message) {
  for (;;) {
    if (reader->size == 0) return 0;
    long length = reader->dialect->decode(hints, reader->data, reader->size, message);
    if (length < 0 || (length == 0 && reader->size > CARRY_SIZE)) {
      *message =
          (struct message){.kind = KIND_UNKNOWN, .text = reader->data, .length = reader->size};
      return -1;
    }
    if (length == 0) return 0;
    reader->data += length;
    reader->size -= (size_t)length;
    if (message->kind == KIND_PING) reader->dialect->answer(connection->fd, message);
    if (message->kind == KIND_PING || message->kind == KIND_NOTHING)
      reader->pings++;
    else
      return 1;
  }
}

void reader_keep(struct reader *reader, struct connection *connection) {
  connection->carried = reader->size;
  if (reader->size == 0) return;
  connection->carry = realloc(connection->carry, reader->size);
  if (!connection->carry) die("out of memory");
  memcpy(connection->carry, reader->data, reader->size);
}

/* Without WebSocket. What is read and written before the measurement blocks, but not for ever. */
static int connect_plainly(const struct target *target) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target->port)};
  if (inet_pton(AF_INET, target->host, &address.sin_addr) != 1)
    die("not an IPv4 address: %s", target->host);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    die("connect %s:%d: %s", target->host, target->port, strerror(errno));
  struct timeval patience = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/* Takes messages off the reader until one contains `expected`. */
static int found(struct reader *reader, int fd, const char *expected) {
  struct hints hints = {0};
  struct message message;
  while (reader->size > 0) {
    long length = reader->dialect->decode(&hints, reader->data, reader->size, &message);
    if (length < 0) die("expected %s, and something else came", expected);
    if (length == 0) return 0;
    reader->data += length;
    reader->size -= (size_t)length;
    if (memmem(message.text, message.length, expected, strlen(expected))) return 1;
    if (message.kind == KIND_PING)
      reader->dialect->answer(fd, &message);
    else if (message.kind != KIND_NOTHING)
      die("expected %s, the server said: %.*s", expected, (int)message.length,
          (const char *)message.text);
  }
  return 0;
}

/* Reads until a message contains `expected`, and keeps what follows it. The socket blocks, for 10 s. */
static void await(struct connection *connection, struct reader *reader, const char *expected) {
  uint8_t *bytes = reader->workspace;
  if (connection->carried > 0) memcpy(bytes, connection->carry, connection->carried);
  reader->data = bytes;
  reader->size = connection->carried;
  while (!found(reader, connection->fd, expected)) {
    memmove(bytes, reader->data, reader->size);
    reader->data = bytes;
    ssize_t got = recv(connection->fd, bytes + reader->size, CARRY_SIZE - reader->size, 0);
    if (got <= 0) die("expected %s, and nothing came", expected);
    reader->size += (size_t)got;
  }
  reader_keep(reader, connection);
}

static void say(struct connection *connection, const struct reader *reader, const char *text) {
  if (reader->dialect->subscriber_path)
    websocket_send(connection->fd, OP_TEXT, text, strlen(text));
  else if (send(connection->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
    die("send: %s", strerror(errno));
}

void connection_open(struct connection *connection, struct reader *reader,
                     const struct target *target, const char *path) {
  const struct dialect *dialect = reader->dialect;
  *connection = (struct connection){.fd = -1};
  if (path) {
    size_t rest;
    connection->fd =
        websocket_open(target->host, target->port, target->path ? target->path : path,
                       dialect->subprotocol, reader->workspace, CARRY_SIZE, &rest);
    reader->data = reader->workspace;
    reader->size = rest;
    reader_keep(reader, connection);
  } else {
    connection->fd = connect_plainly(target);
  }
  for (int i = 0; i < 4 && dialect->opens[i]; i++) {
    if (i % 2 == 0)
      await(connection, reader, dialect->opens[i]);
    else
      say(connection, reader, dialect->opens[i]);
  }
}

static char *replace(const char *text, const char *place, const char *with) {
  char *out;
  const char *at = strstr(text, place);
  int length = at ? asprintf(&out, "%.*s%s%s", (int)(at - text), text, with, at + strlen(place))
                  : asprintf(&out, "%s", text);
  if (length < 0) die("out of memory");
  return out;
}

void connection_subscribe(struct connection *connection, struct reader *reader,
                          const char *text, const char *channel, const char *number) {
  char *half = replace(text, "%c", channel);
  char *whole = replace(half, "%j", number);
  say(connection, reader, whole);
  free(half);
  free(whole);
}

void connection_await_subscribed(struct connection *connection, struct reader *reader) {
  await(connection, reader, reader->dialect->subscribed);
}
