#define _GNU_SOURCE
#include "session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct opening {
  struct checker *checker;
  const struct protocol *protocol;
  const struct target *target;
  int fd;
  struct wrapper *wrapper;
  uint8_t *bytes; /* that have come and are not looked at yet */
  size_t have;
};

/* `got` more bytes, which may be wrapped. */
static void take(struct opening *opening, size_t got) {
  uint8_t *fresh = opening->bytes + opening->have;
  struct inflater *inflater = opening->wrapper->inflater;
  long left = inflater ? inflater_unpack(inflater, fresh, got, fresh, READ_SIZE)
                       : unwrap(opening->protocol->wrapping, opening->wrapper, fresh, got);
  if (left < 0) die("the server sent something that is not wrapped as it should be");
  opening->have += (size_t)left;
}

/* Reads messages until one contains `expected`; what follows it stays in `bytes`. What was expected
 * goes to `subscription`, if there is one. */
static void await_message(struct opening *opening, const char *expected,
                          struct subscription *subscription) {
  uint8_t *bytes = opening->bytes;
  for (;;) {
    struct frame message;
    long length;
    while ((length = checker_decode(opening->checker, opening->protocol, bytes, opening->have,
                                    &message)) > 0) {
      int found = memmem(message.payload, message.length, expected, strlen(expected)) != NULL;
      if (!found && !checker_heartbeat(opening->checker, opening->fd, &message) &&
          protocol_meaning(opening->protocol, &message) != MEANS_NOTHING)
        die("expected %s, the server said: %.*s", expected, (int)message.length,
            (char *)message.payload);
      if (found && subscription) {
        protocol_string(&message, "\"epoch\":\"", subscription->epoch, sizeof subscription->epoch);
        subscription->recovered = memmem(message.payload, message.length, "\"recovered\":true", 16) != NULL;
      }
      opening->have -= (size_t)length;
      memmove(bytes, bytes + length, opening->have);
      if (found) return;
    }
    ssize_t got = recv(opening->fd, bytes + opening->have, READ_SIZE - opening->have, 0);
    if (length < 0 || got <= 0) die("expected %s, and nothing came", expected);
    take(opening, (size_t)got);
  }
}

static void say(const struct opening *opening, const char *text, const char *since) {
  char message[1024];
  size_t length = 0;
  for (; *text && length < sizeof message; text++) {
    const char *part = *text != '%'    ? NULL
                       : text[1] == 'c' ? opening->target->channel
                       : since          ? since
                                        : "";
    if (!part) {
      message[length++] = *text;
      continue;
    }
    text++;
    length += (size_t)snprintf(message + length, sizeof message - length, "%s", part);
  }
  if (length >= sizeof message) die("the channel's name is too long");
  websocket_send(opening->fd, OP_TEXT, message, length);
}

/* A WebSocket over which messages come compressed, but leave as they are. */
static void open_deflated(struct opening *opening, const char *path, size_t *got) {
  char agreed[256];
  const struct target *target = opening->target;
  opening->fd = websocket_open_extended(
      target->host, target->port, path, opening->protocol->subprotocol,
      "permessage-deflate; client_no_context_takeover", agreed, opening->bytes, READ_SIZE, got);
  if (!strstr(agreed, "permessage-deflate")) die("the server does not agree to compression");
  int window = !strstr(agreed, "server_no_context_takeover");
  struct checker *checker = opening->checker;
  if (window) opening->wrapper->inflater = inflater_new();
  else if (!checker->inflater) checker->inflater = inflater_new();
}

int session_open(struct checker *checker, const struct target *target,
                 struct subscription *subscription, struct wrapper *wrapper, size_t *rest) {
  const struct protocol *protocol = checker->protocol;
  const char *path = target->path;
  if (!subscription && protocol->publisher) protocol = protocol_named(protocol->publisher);
  if (!subscription && target->publisher_path) path = target->publisher_path;
  if (!path) path = subscription ? protocol->subscriber_path : protocol->publisher_path;
  if (!path) die("this protocol needs a --path");
  struct opening opening = {.checker = checker, .protocol = protocol, .target = target,
                            .wrapper = wrapper, .bytes = checker->workspace};
  size_t got = 0;
  if (protocol->wrapping == IN_RESPONSES) {
    wrapper->polling = polling_open(target->host, target->port, path, protocol->offsets);
    opening.fd = wrapper->polling->fd;
  } else if (protocol->framing == BY_EVENT) {
    opening.fd = eventstream_open(target->host, target->port, path, opening.bytes, READ_SIZE, &got);
  } else if (subscription && target->deflate) {
    open_deflated(&opening, path, &got);
  } else {
    opening.fd = websocket_open(target->host, target->port, path, protocol->subprotocol,
                                opening.bytes, READ_SIZE, &got);
  }
  if (got > 0) take(&opening, got);
  if (protocol->await_first) await_message(&opening, protocol->await_first, NULL);
  if (protocol->hello) {
    say(&opening, protocol->hello, NULL);
    await_message(&opening, protocol->await_hello, NULL);
  }
  if (subscription && protocol->subscribe)
    say(&opening, protocol->subscribe, subscription->since);
  if (subscription && protocol->await_subscribe)
    await_message(&opening, protocol->await_subscribe, subscription);
  *rest = opening.have;
  return opening.fd;
}
