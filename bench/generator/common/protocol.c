#define _GNU_SOURCE
#include "protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct protocol protocols[] = {
    {
        .name = "tidewire",
        .subscriber_path = "/v1/ws",
        .publisher_path = "/v1/ws",
        .subprotocol = "tidewire.v1.json",
        .acks = 1,
        .offsets = 1,
        .await_first = "\"connection_established\"",
        .subscribe = "{\"type\":\"subscribe\",\"payload\":{\"channel\":\"%c\"%s}}",
        .since = ",\"since\":{\"epoch\":\"%s\",\"offset\":%llu}",
        .await_subscribe = "\"subscribed\"",
        .publish = "{\"type\":\"message\",\"payload\":%p,"
                   "\"metadata\":{\"message_id\":\"%i\",\"channel\":\"%c\"}}",
    },
    {
        .name = "ws",
        .subscriber_path = "/subscribe",
        .publisher_path = "/publish",
        .subprotocol = "",
        .publish = "%p",
    },
    {
        .name = "bun",
        .subscriber_path = "/subscribe",
        .publisher_path = "/publish",
        .subprotocol = "",
        .publish = "%p",
    },
    {
        .name = "socketio",
        .subscriber_path = "/socket.io/?EIO=4&transport=websocket",
        .publisher_path = "/socket.io/?EIO=4&transport=websocket",
        .subprotocol = "",
        .await_first = "0{",
        .hello = "40",
        .await_hello = "40{",
        .subscribe = "420[\"subscribe\",\"%c\"]",
        .await_subscribe = "430[",
        .heartbeat = "2",
        .heartbeat_answer = "3",
        .publish = "42[\"message\",%p]",
    },
    {
        .name = "nats",
        .framing = BY_LINE,
        .wrapping = IN_FRAMES,
        .subscriber_path = "/",
        .publisher_path = "/",
        .subprotocol = "",
        .await_first = "INFO {",
        .hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1}\r\nPING\r\n",
        .await_hello = "PONG\r\n",
        .subscribe = "SUB %c 1\r\nPING\r\n",
        .await_subscribe = "PONG\r\n",
        .heartbeat = "PING\r\n",
        .heartbeat_answer = "PONG\r\n",
        .publish = "PUB %c %n\r\n%p\r\n",
    },
    {
        .name = "nchan",
        .subscriber_path = "/subscribe",
        .publisher_path = "/publish",
        .subprotocol = "",
        .publish = "%p",
    },
    {
        .name = "centrifugo",
        .framing = BY_OBJECT,
        .wrapping = IN_FRAMES_OF_LINES,
        .subscriber_path = "/connection/websocket",
        .publisher_path = "/connection/websocket",
        .subprotocol = "",
        .acks = 1,
        .offsets = 1,
        .hello = "{\"id\":1,\"connect\":{}}",
        .await_hello = "{\"id\":1,\"connect\":{",
        .subscribe = "{\"id\":2,\"subscribe\":{\"channel\":\"%c\"}}",
        .await_subscribe = "{\"id\":2,\"subscribe\":{",
        .heartbeat = "{}",
        .heartbeat_answer = "{}",
        .publish = "{\"id\":%u,\"publish\":{\"channel\":\"%c\",\"data\":%p}}",
    },
    {
        .name = "tidewire-sse",
        .framing = BY_EVENT,
        .wrapping = IN_CHUNKS,
        .publisher = "tidewire",
        .offsets = 1,
        .await_subscribe = "event: subscribed",
    },
    {
        .name = "tidewire-poll",
        .framing = BY_EVENT,
        .wrapping = IN_RESPONSES,
        .publisher = "tidewire",
        .offsets = 1,
        .await_subscribe = ": empty", /* at once, with the cursor of now */
    },
    {
        .name = "nchan-poll",
        .framing = BY_EVENT,
        .wrapping = IN_RESPONSES,
        .publisher = "nchan",
        .subscriber_path = "/subscribe",
    },
    {
        .name = "nchan-sse",
        .framing = BY_EVENT, /* of an HTTP/1.1 response without length, which is not chunked */
        .publisher = "nchan",
        .subscriber_path = "/subscribe",
    },
};

const struct protocol *protocol_named(const char *name) {
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
    if (strcmp(protocols[i].name, name) == 0) return &protocols[i];
  die("no such protocol: %s", name);
}

/* Message ids differ from run to run: a server that outlives one must not take them for repetitions. */
enum { RUN_PREFIX = 9 };

/* A number of a command is below 2^32, and JSON wants no zero in front of it. */
enum { NUMBER_DIGITS = 9 };
static const char number_start[] = "1";

static const char payload_start[] = "{\"content\":\"";

static const uint8_t *find(const struct frame *frame, const char *text) {
  return memmem(frame->payload, frame->length, text, strlen(text));
}

static int begins(const struct frame *frame, const char *text) {
  size_t length = strlen(text);
  return frame->length >= length && memcmp(frame->payload, text, length) == 0;
}

static long decode_line(const uint8_t *data, size_t size) {
  const uint8_t *end = memmem(data, size < 4096 ? size : 4096, "\r\n", 2);
  if (!end) return size < 4096 ? 0 : -1;
  size_t length = (size_t)(end + 2 - data);
  if (memcmp(data, "MSG ", 4) != 0) return (long)length;
  size_t payload = 0;
  size_t unit = 1;
  for (const uint8_t *at = end; *--at >= '0' && *at <= '9'; unit *= 10)
    payload += (size_t)(*at - '0') * unit;
  length += payload + 2;
  return size < length ? 0 : (long)length;
}

/* JSON that a program wrote, begun or not. */
static long decode_object(const uint8_t *data, size_t size) {
  if (size > 0 && *data != '{') return -1;
  int depth = 0;
  for (size_t at = 0; at < size; at++) {
    if (data[at] == '{') {
      depth++;
    } else if (data[at] == '}') {
      if (--depth == 0) return (long)at + 1;
    } else if (data[at] == '"') {
      for (at++; at < size && data[at] != '"'; at++) at += data[at] == '\\';
    }
  }
  return 0;
}

long protocol_decode(const struct protocol *protocol, const uint8_t *data, size_t size,
                     struct frame *message) {
  if (protocol->framing == BY_FRAME) return frame_decode(data, size, message);
  long length = 0;
  if (protocol->framing == BY_LINE) {
    length = decode_line(data, size);
  } else if (protocol->framing == BY_OBJECT) {
    length = decode_object(data, size);
  } else {
    const uint8_t *end = memmem(data, size, "\n\n", 2);
    if (end) length = end + 2 - data;
  }
  *message = (struct frame){.opcode = OP_TEXT, .payload = data, .length = (size_t)length};
  return length;
}

static uint64_t digits_at(const uint8_t *at, int count, const struct frame *frame) {
  if (at + count > frame->payload + frame->length) return 0;
  uint64_t value = 0;
  for (int i = 0; i < count; i++) {
    if (at[i] < '0' || at[i] > '9') return 0;
    value = value * 10 + (uint64_t)(at[i] - '0');
  }
  return value;
}

uint64_t protocol_sequence(const struct frame *frame) {
  const uint8_t *at = find(frame, payload_start);
  return at ? digits_at(at + sizeof payload_start - 1, DIGITS, frame) : 0;
}

uint64_t protocol_ack_sequence(const struct protocol *protocol, const struct frame *frame) {
  static const char key[] = "\"correlation_id\":\"";
  static const char number[] = "{\"id\":1";
  if (protocol->framing == BY_OBJECT)
    return begins(frame, number) ? digits_at(frame->payload + sizeof number - 1, NUMBER_DIGITS, frame) : 0;
  const uint8_t *at = find(frame, key);
  return at ? digits_at(at + sizeof key - 1 + RUN_PREFIX, DIGITS, frame) : 0;
}

uint64_t protocol_offset(const struct frame *frame) {
  static const char key[] = "\"offset\":";
  const uint8_t *at = find(frame, key);
  if (!at) return 0;
  const uint8_t *end = frame->payload + frame->length;
  uint64_t value = 0;
  for (at += sizeof key - 1; at < end && *at >= '0' && *at <= '9'; at++)
    value = value * 10 + (uint64_t)(*at - '0');
  return value;
}

void protocol_string(const struct frame *frame, const char *key, char *text, size_t capacity) {
  *text = 0;
  const uint8_t *at = find(frame, key);
  if (!at) return;
  at += strlen(key);
  const uint8_t *end = memchr(at, '"', (size_t)(frame->payload + frame->length - at));
  if (!end || (size_t)(end - at) >= capacity) return;
  memcpy(text, at, (size_t)(end - at));
  text[end - at] = 0;
}

static enum meaning event_meaning(const struct frame *frame) {
  if (find(frame, "event: error") || find(frame, "event: reset")) return MEANS_FAILURE;
  return begins(frame, ":") || begins(frame, "retry:") || begins(frame, "event:") ? MEANS_NOTHING
                                                                                 : MEANS_UNKNOWN;
}

static enum meaning object_meaning(const struct frame *frame) {
  if (!begins(frame, "{\"id\":")) return find(frame, "\"disconnect\":") || find(frame, "\"unsubscribe\":")
                                            ? MEANS_FAILURE
                                            : MEANS_UNKNOWN;
  if (find(frame, "\"error\":{")) return MEANS_FAILURE;
  return find(frame, "\"publish\":{}") ? MEANS_ACK : MEANS_UNKNOWN;
}

enum meaning protocol_meaning(const struct protocol *protocol, const struct frame *frame) {
  if (frame->opcode != OP_TEXT) return MEANS_UNKNOWN;
  if (protocol->heartbeat && frame->length == strlen(protocol->heartbeat) &&
      memcmp(frame->payload, protocol->heartbeat, frame->length) == 0)
    return MEANS_HEARTBEAT;
  if (find(frame, payload_start)) return MEANS_PUBLICATION;
  if (protocol->framing == BY_EVENT) return event_meaning(frame);
  if (protocol->framing == BY_OBJECT) return object_meaning(frame);
  if (strcmp(protocol->name, "nats") == 0)
    return begins(frame, "-ERR")                              ? MEANS_FAILURE
           : begins(frame, "INFO") || begins(frame, "PONG\r") ? MEANS_NOTHING
                                                              : MEANS_UNKNOWN;
  if (strcmp(protocol->name, "nchan") == 0)
    return begins(frame, "queued messages") ? MEANS_NOTHING : MEANS_UNKNOWN; /* to the publisher */
  if (strcmp(protocol->name, "tidewire") != 0) return MEANS_UNKNOWN;
  if (find(frame, "\"type\":\"ack\""))
    return find(frame, "\"duplicate\":true") ? MEANS_FAILURE : MEANS_ACK;
  if (find(frame, "\"type\":\"error\"") || find(frame, "\"type\":\"reset\"")) return MEANS_FAILURE;
  if (find(frame, "\"type\":\"auth_expiring\"")) return MEANS_NOTHING;
  return MEANS_UNKNOWN;
}

static size_t append(char *text, size_t at, const char *part) {
  size_t length = strlen(part);
  memcpy(text + at, part, length);
  return at + length;
}

void publish_build(struct publish *publish, const struct protocol *protocol, const char *channel,
                   size_t payload_size) {
  size_t fixed = sizeof payload_start - 1 + 2;
  if (payload_size < fixed + DIGITS) die("a payload has at least %zu bytes", fixed + DIGITS);
  char *text = malloc(payload_size + strlen(protocol->publish) + strlen(channel) + 64);
  *publish = (struct publish){0};
  size_t at = 0;
  for (const char *format = protocol->publish; *format; format++) {
    if (*format != '%') {
      text[at++] = *format;
    } else if (*++format == 'c') {
      at = append(text, at, channel);
    } else if (*format == 'n') {
      at += (size_t)sprintf(text + at, "%zu", payload_size);
    } else if (*format == 'i') {
      at += (size_t)sprintf(text + at, "%08x-", (unsigned)time(NULL) ^ (unsigned)getpid() << 20);
      publish->digits[publish->places] = at;
      publish->widths[publish->places++] = DIGITS;
      at += DIGITS;
    } else if (*format == 'u') {
      at = append(text, at, number_start);
      publish->digits[publish->places] = at;
      publish->widths[publish->places++] = NUMBER_DIGITS;
      at += NUMBER_DIGITS;
    } else {
      at = append(text, at, payload_start);
      publish->digits[publish->places] = at;
      publish->widths[publish->places++] = DIGITS;
      publish->filler = at + DIGITS;
      publish->filler_length = payload_size - fixed - DIGITS;
      memset(text + at, 'x', payload_size - fixed);
      at = append(text, at + payload_size - fixed, "\"}");
    }
  }
  publish->bytes = malloc(at + 14);
  publish->length = frame_encode(publish->bytes, OP_TEXT, text, at);
  for (int i = 0; i < publish->places; i++) publish->digits[i] += publish->length - at;
  publish->filler += publish->length - at;
  free(text);
}

void publish_write(const struct publish *publish, uint64_t sequence, uint8_t *out) {
  memcpy(out, publish->bytes, publish->length);
  if (publish->text) {
    size_t last = publish->text_length - publish->filler_length;
    memcpy(out + publish->filler, publish->text + sequence * publish->filler_length % last,
           publish->filler_length);
  }
  char digits[DIGITS];
  for (int i = DIGITS - 1; i >= 0; i--, sequence /= 10) digits[i] = (char)('0' + sequence % 10);
  for (int i = 0; i < publish->places; i++)
    memcpy(out + publish->digits[i], digits + DIGITS - publish->widths[i], (size_t)publish->widths[i]);
}
