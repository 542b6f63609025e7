#define _GNU_SOURCE
#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

static const char *const names[] = {"tidewire", "ws", "bun", "socketio", "nats"};

enum server dialect_named(const char *name) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return (enum server)i;
  die("no such protocol: %s", name);
}

static int has(const struct frame *frame, const char *text) {
  return memmem(frame->payload, frame->length, text, strlen(text)) != NULL;
}

static int starts(const struct frame *frame, const char *text) {
  size_t length = strlen(text);
  return frame->length >= length && memcmp(frame->payload, text, length) == 0;
}

/* Copies the text between `key` and the next quote. */
static void copy_string(const struct frame *frame, const char *key, char *out, size_t size) {
  const uint8_t *end = frame->payload + frame->length;
  const uint8_t *at = memmem(frame->payload, frame->length, key, strlen(key));
  if (!at) return;
  at += strlen(key);
  const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
  if (!quote || (size_t)(quote - at) >= size) return;
  memcpy(out, at, (size_t)(quote - at));
  out[quote - at] = 0;
}

/* What `snprintf` returned, which must have had the room. */
static size_t fit(int length, size_t size) {
  if (length < 0 || (size_t)length >= size) die("a frame is too long: use shorter tokens");
  return (size_t)length;
}

size_t dialect_request(const struct speaker *speaker, const char *host, int port, char *out,
                       size_t size) {
  const char *token = speaker->token;
  const char *channel = speaker->channel ? speaker->channel->name : "";
  char path[4096];
  const char *protocol = "";
  switch (speaker->server) {
    case TIDEWIRE:
      fit(snprintf(path, sizeof path, "/v1/ws?token=%s", token), sizeof path);
      protocol = "Sec-WebSocket-Protocol: tidewire.v1.json\r\n";
      break;
    case WS:
    case BUN:
      fit(snprintf(path, sizeof path, "/subscribe?channel=%s&token=%s", channel, token),
          sizeof path);
      break;
    case SOCKETIO: strcpy(path, "/socket.io/?EIO=4&transport=websocket"); break;
    case NATS: strcpy(path, "/"); break;
  }
  return fit(snprintf(out, size,
                      "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                      path, host, port, protocol),
             size);
}

static size_t subscribe_tidewire(const struct speaker *speaker, char *out, size_t size) {
  const struct channel *channel = speaker->channel;
  if (!speaker->resumes)
    return fit(snprintf(out, size, "{\"type\":\"subscribe\",\"payload\":{\"channel\":\"%s\"}}",
                        channel->name),
               size);
  return fit(snprintf(out, size,
                      "{\"type\":\"subscribe\",\"payload\":{\"channel\":\"%s\",\"since\":"
                      "{\"epoch\":\"%s\",\"offset\":%llu}}}",
                      channel->name, channel->epoch,
                      (unsigned long long)(channel->offset_of_zero + speaker->received)),
             size);
}

static size_t reply_socketio(const struct speaker *speaker, const struct frame *hello, int step,
                             char *out, size_t size) {
  struct ticket *ticket = speaker->ticket;
  if (step == 0) {
    if (ticket && speaker->resumes)
      return fit(snprintf(out, size, "40{\"token\":\"%s\",\"pid\":\"%s\",\"offset\":\"%s\"}",
                          speaker->token, ticket->session, ticket->packet),
                 size);
    return fit(snprintf(out, size, "40{\"token\":\"%s\"}", speaker->token), size);
  }
  if (ticket) {
    char before[ID_SIZE];
    strcpy(before, ticket->session);
    copy_string(hello, "\"pid\":\"", ticket->session, ID_SIZE);
    /* It is in its rooms again. */
    if (speaker->resumes && strcmp(before, ticket->session) == 0) return 0;
  }
  if (!speaker->channel) return 0;
  return fit(snprintf(out, size, "420[\"subscribe\",\"%s\"]", speaker->channel->name), size);
}

static size_t reply_nats(const struct speaker *speaker, int step, char *out, size_t size) {
  if (step == 0)
    return fit(snprintf(out, size, "CONNECT {\"verbose\":false,\"echo\":false}\r\nPING\r\n"), size);
  if (step > 1 || !speaker->channel) return 0;
  return fit(snprintf(out, size, "SUB %s 1\r\nPING\r\n", speaker->channel->name), size);
}

size_t dialect_reply(const struct speaker *speaker, const struct frame *hello, int step, char *out,
                     size_t size) {
  switch (speaker->server) {
    case TIDEWIRE: return speaker->channel ? subscribe_tidewire(speaker, out, size) : 0;
    case SOCKETIO: return reply_socketio(speaker, hello, step, out, size);
    case NATS: return reply_nats(speaker, step, out, size);
    default: return 0;
  }
}

size_t dialect_publish(const struct speaker *speaker, size_t payload, char *out, size_t size) {
  static const char fill[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
  const struct channel *channel = speaker->channel;
  size_t fixed = sizeof "{\"content\":\"\"}" - 1 + DIGITS;
  int filled = payload > fixed ? (int)(payload - fixed) : 0;
  if (filled > (int)sizeof fill - 1) die("a payload has at most %zu bytes", fixed + sizeof fill - 1);
  unsigned long long sequence = channel->published + 1;
  switch (speaker->server) {
    case TIDEWIRE:
      return fit(snprintf(out, size,
                          "{\"type\":\"message\",\"payload\":{\"content\":\"%012llu%.*s\"},"
                          "\"metadata\":{\"message_id\":\"%x-%llu\",\"channel\":\"%s\"}}",
                          sequence, filled, fill, (unsigned)getpid(), sequence, channel->name),
                 size);
    case SOCKETIO:
      return fit(snprintf(out, size, "42[\"publish\",\"%s\",{\"content\":\"%012llu%.*s\"}]",
                          channel->name, sequence, filled, fill),
                 size);
    default: die("nothing is published to this server");
  }
}

static enum word word_of_tidewire(const struct frame *frame) {
  if (starts(frame, "{\"type\":\"ack\"")) return WORD_ACK;
  if (starts(frame, "{\"type\":\"connection_established\"")) return WORD_HELLO;
  if (starts(frame, "{\"type\":\"subscribed\"")) return WORD_LIVE;
  if (starts(frame, "{\"type\":\"auth_expiring\"")) return WORD_NOTHING;
  return WORD_FAILURE;
}

static enum word word_of_socketio(const struct frame *frame) {
  if (starts(frame, "0{") || starts(frame, "40{")) return WORD_HELLO;
  return starts(frame, "430[") ? WORD_LIVE : WORD_FAILURE;
}

enum word dialect_word(enum server server, const struct frame *frame) {
  int is_binary = frame->opcode == 2;
  if (frame->opcode != OP_TEXT && !(is_binary && server == NATS)) return WORD_FAILURE;
  if (has(frame, "{\"content\":\"")) return WORD_PUBLICATION;
  switch (server) {
    case TIDEWIRE: return word_of_tidewire(frame);
    case SOCKETIO: return word_of_socketio(frame);
    case NATS:
      if (starts(frame, "PING")) return WORD_NOTHING;
      return starts(frame, "INFO") || starts(frame, "PONG") ? WORD_HELLO : WORD_FAILURE;
    default: return starts(frame, "subscribed") ? WORD_LIVE : WORD_FAILURE;
  }
}

int dialect_heartbeat(enum server server, int fd, const struct frame *frame) {
  if (frame->opcode == OP_PING) {
    websocket_send(fd, OP_PONG, frame->payload, frame->length);
  } else if (server == SOCKETIO && frame->length == 1 && starts(frame, "2")) {
    websocket_send(fd, OP_TEXT, "3", 1);
  } else if (server == NATS && starts(frame, "PING")) {
    websocket_send(fd, OP_TEXT, "PONG\r\n", 6);
  } else {
    return frame->opcode == OP_PONG;
  }
  return 1;
}

int dialect_subscribed(const struct frame *frame, const struct speaker *speaker,
                       struct channel *channel) {
  char epoch[EPOCH_SIZE] = "";
  copy_string(frame, "\"epoch\":\"", epoch, sizeof epoch);
  uint64_t offset = protocol_offset(frame);
  if (!*channel->epoch) {
    strcpy(channel->epoch, epoch);
    channel->offset_of_zero = offset;
  }
  if (strcmp(channel->epoch, epoch) != 0) return 0;
  if (!speaker->resumes) return offset >= channel->offset_of_zero;
  return has(frame, "\"recovered\":true") && offset == channel->offset_of_zero + speaker->received;
}

void dialect_remember(const struct frame *frame, struct ticket *ticket) {
  const char *text = (const char *)frame->payload;
  size_t end = frame->length;
  if (end < 3 || memcmp(text + end - 2, "\"]", 2) != 0) return;
  const char *start = memrchr(text, '"', end - 2);
  if (!start) return;
  size_t length = (size_t)(text + end - 2 - (start + 1));
  if (length >= ID_SIZE) return;
  memcpy(ticket->packet, start + 1, length);
  ticket->packet[length] = 0;
}
