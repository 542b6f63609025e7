/* NATS over TCP: core subscriptions, and publishes that JetStream acknowledges by a reply subject. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>

#include "dialect.h"

#define INBOX "_INBOX."

static int starts_with(const uint8_t *data, size_t size, const char *text) {
  size_t length = strlen(text);
  return size >= length && memcmp(data, text, length) == 0;
}

/* `MSG <subject> <sid> <bytes>\r\n<payload>\r\n` */
static long decode_message(struct hints *hints, const uint8_t *data, size_t size, size_t line,
                           struct message *message) {
  const uint8_t *count = memrchr(data, ' ', line);
  size_t bytes = 0;
  for (const uint8_t *at = count + 1; *at >= '0' && *at <= '9'; at++)
    bytes = bytes * 10 + (size_t)(*at - '0');
  if (bytes > 1 << 20) return -1;
  size_t length = line + 2 + bytes + 2;
  if (size < length) return 0;
  message->text = data + line + 2;
  message->length = bytes;
  const uint8_t *subject = data + 4;
  if (starts_with(subject, line - 4, INBOX)) {
    message->kind = memmem(message->text, bytes, "\"error\"", 7) ? KIND_FAILURE : KIND_ACK;
    message->number =
        digits_read(subject + sizeof INBOX - 1 + PUBLISHER_DIGITS + 1, NUMBER_DIGITS);
  } else {
    message->kind = find_mark(hints, message) ? KIND_DELIVERY : KIND_UNKNOWN;
  }
  return (long)length;
}

static long decode(struct hints *hints, const uint8_t *data, size_t size, struct message *message) {
  const uint8_t *end = memmem(data, size < 4096 ? size : 4096, "\r\n", 2);
  if (!end) return size < 4096 ? 0 : -1;
  size_t line = (size_t)(end - data);
  *message = (struct message){.kind = KIND_UNKNOWN, .text = data, .length = line};
  if (starts_with(data, line, "MSG ")) return decode_message(hints, data, size, line, message);
  if (starts_with(data, line, "PING")) message->kind = KIND_PING;
  if (starts_with(data, line, "PONG") || starts_with(data, line, "INFO"))
    message->kind = KIND_NOTHING;
  if (starts_with(data, line, "-ERR")) message->kind = KIND_FAILURE;
  return (long)line + 2;
}

static void answer(int fd, const struct message *ping) {
  (void)ping;
  send(fd, "PONG\r\n", 6, MSG_NOSIGNAL);
}

const struct dialect dialect_nats = {
    .name = "nats",
    .opens = {"INFO", "CONNECT {\"verbose\":false}\r\nPING\r\n", "PONG"},
    .subscribe = "SUB %c %j\r\nPING\r\n",
    .subscribed = "PONG",
    .inbox = "SUB " INBOX "%j.* 0\r\nPING\r\n",
    .publish = {.head = "PUB %c %l\r\n", .body = "%p", .tail = "\r\n"},
    .acked = {.head = "PUB %c " INBOX "%q.%n %l\r\n", .body = "%p", .tail = "\r\n"},
    .decode = decode,
    .answer = answer,
};
