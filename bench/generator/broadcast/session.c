#define _GNU_SOURCE
#include "session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Reads frames until one contains `expected`; what follows it stays in `bytes`. */
static void await_frame(struct checker *checker, int fd, uint8_t *bytes, size_t *have,
                        const char *expected) {
  for (;;) {
    struct frame frame;
    long length;
    while ((length = frame_decode(bytes, *have, &frame)) > 0) {
      int found = memmem(frame.payload, frame.length, expected, strlen(expected)) != NULL;
      if (!found && !checker_heartbeat(checker, fd, &frame))
        die("expected %s, the server said: %.*s", expected, (int)frame.length, (char *)frame.payload);
      *have -= (size_t)length;
      memmove(bytes, bytes + length, *have);
      if (found) return;
    }
    ssize_t got = recv(fd, bytes + *have, READ_SIZE - *have, 0);
    if (length < 0 || got <= 0) die("expected %s, and nothing came", expected);
    *have += (size_t)got;
  }
}

static void say(int fd, const char *text, const char *channel) {
  char message[1024];
  const char *place = strstr(text, "%c");
  if (place)
    snprintf(message, sizeof message, "%.*s%s%s", (int)(place - text), text, channel, place + 2);
  else
    snprintf(message, sizeof message, "%s", text);
  websocket_send(fd, OP_TEXT, message, strlen(message));
}

int session_open(struct checker *checker, const struct target *target, int subscribe,
                 size_t *rest) {
  const struct protocol *protocol = checker->protocol;
  uint8_t *bytes = checker->workspace;
  const char *path = target->path ? target->path
                     : subscribe  ? protocol->subscriber_path
                                  : protocol->publisher_path;
  int fd = websocket_open(target->host, target->port, path, protocol->subprotocol, bytes, READ_SIZE,
                          rest);
  if (protocol->await_first) await_frame(checker, fd, bytes, rest, protocol->await_first);
  if (protocol->hello) {
    say(fd, protocol->hello, target->channel);
    await_frame(checker, fd, bytes, rest, protocol->await_hello);
  }
  if (subscribe && protocol->subscribe) {
    say(fd, protocol->subscribe, target->channel);
    await_frame(checker, fd, bytes, rest, protocol->await_subscribe);
  }
  return fd;
}
