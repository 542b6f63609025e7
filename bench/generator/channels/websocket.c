/* The dialects that are spoken over WebSocket. */
#define _GNU_SOURCE
#include <string.h>

#include "dialect.h"
#include "wire.h"

#define LITERAL(text) text, sizeof text - 1

typedef enum kind (*reader)(struct hints *hints, struct message *message);

static int starts_with(const struct message *message, const char *text, size_t length) {
  return message->length >= length && memcmp(message->text, text, length) == 0;
}

static int contains(const struct message *message, const char *text, size_t length) {
  return memmem(message->text, message->length, text, length) != NULL;
}

static long decode(struct hints *hints, const uint8_t *data, size_t size, struct message *message,
                   reader read) {
  struct frame frame;
  long length = frame_decode(data, size, &frame);
  if (length <= 0) return length;
  *message = (struct message){.text = frame.payload, .length = frame.length};
  switch (frame.opcode) {
    case OP_TEXT: message->kind = read(hints, message); break;
    case OP_PING: message->kind = KIND_PING; break;
    case OP_PONG: message->kind = KIND_NOTHING; break;
    case OP_CLOSE: message->kind = KIND_CLOSED; break;
    default: message->kind = KIND_UNKNOWN;
  }
  return length;
}

static void answer_pong(int fd, const struct message *ping) {
  websocket_send(fd, OP_PONG, ping->text, ping->length);
}

static int digits_fit(const struct message *message, const uint8_t *at) {
  return at + CHANNEL_DIGITS <= message->text + message->length;
}

static enum kind read_tidewire(struct hints *hints, struct message *message) {
  if (starts_with(message, LITERAL("{\"type\":\"message\""))) {
    static const char offset[] = "\"offset\":";
    static const char channel[] = "\"channel\":\"";
    if (!find_mark(hints, message)) return KIND_UNKNOWN;
    const uint8_t *at = find_at(message, LITERAL(offset), &hints->offset);
    if (at) message->offset = number_at(at + sizeof offset - 1, message);
    at = find_at(message, LITERAL(channel), &hints->channel);
    if (!at || !digits_fit(message, at + sizeof channel - 1 + hints->prefix)) return KIND_UNKNOWN;
    message->channel = at + sizeof channel - 1 + hints->prefix;
    return KIND_DELIVERY;
  }
  if (starts_with(message, LITERAL("{\"type\":\"ack\""))) {
    static const char key[] = "\"duplicate\":false},\"metadata\":{\"correlation_id\":\"";
    const size_t run_and_publisher = 9 + PUBLISHER_DIGITS;
    const uint8_t *at = find_from_end(message, LITERAL(key), &hints->ack);
    if (!at) return KIND_FAILURE;
    message->number = number_at(at + sizeof key - 1 + run_and_publisher, message);
    return KIND_ACK;
  }
  if (contains(message, LITERAL("\"type\":\"error\""))) return KIND_FAILURE;
  if (contains(message, LITERAL("\"type\":\"reset\""))) return KIND_FAILURE;
  if (contains(message, LITERAL("\"type\":\"auth_expiring\""))) return KIND_NOTHING;
  return KIND_UNKNOWN;
}

static long decode_tidewire(struct hints *hints, const uint8_t *data, size_t size,
                            struct message *message) {
  return decode(hints, data, size, message, read_tidewire);
}

const struct dialect dialect_tidewire = {
    .name = "tidewire",
    .publisher_path = "/v1/ws",
    .subscriber_path = "/v1/ws",
    .subprotocol = "tidewire.v1.json",
    .opens = {"\"connection_established\""},
    .subscribe = "{\"type\":\"subscribe\",\"payload\":{\"channel\":\"%c\"}}",
    .subscribed = "\"subscribed\"",
    .acked = {.body = "{\"type\":\"message\",\"payload\":%p,"
                      "\"metadata\":{\"message_id\":\"%m\",\"channel\":\"%c\"}}"},
    .always_acks = 1,
    .offsets = 1,
    .decode = decode_tidewire,
    .answer = answer_pong,
};

/* A server that routes JSON objects by their `channel`; see src/servers/ws-channels.ts. */
static enum kind read_ws(struct hints *hints, struct message *message) {
  static const char ack[] = "{\"ack\":\"";
  if (starts_with(message, LITERAL(ack))) {
    message->number = number_at(message->text + sizeof ack - 1, message);
    return KIND_ACK;
  }
  return find_mark(hints, message) ? KIND_DELIVERY : KIND_UNKNOWN;
}

static long decode_ws(struct hints *hints, const uint8_t *data, size_t size,
                      struct message *message) {
  return decode(hints, data, size, message, read_ws);
}

const struct dialect dialect_ws = {
    .name = "ws",
    .publisher_path = "/",
    .subscriber_path = "/",
    .subprotocol = "",
    .subscribe = "{\"subscribe\":\"%c\"}",
    .subscribed = "\"subscribed\"",
    .publish = {.body = "{\"channel\":\"%c\",\"payload\":%p}"},
    .acked = {.body = "{\"channel\":\"%c\",\"id\":\"%n\",\"payload\":%p}"},
    .decode = decode_ws,
    .answer = answer_pong,
};

/* The subscriber's side of nchan; publishers come by HTTP. */
const struct dialect dialect_nchan_ws = {
    .name = "nchan-ws",
    .subscriber_path = "/subscribe",
    .subprotocol = "",
    .decode = decode_ws,
    .answer = answer_pong,
};

static enum kind read_socketio(struct hints *hints, struct message *message) {
  if (message->length == 1 && *message->text == '2') return KIND_PING;
  if (starts_with(message, LITERAL("43"))) {
    message->number = number_at(message->text + 2, message);
    return KIND_ACK;
  }
  return find_mark(hints, message) ? KIND_DELIVERY : KIND_UNKNOWN;
}

static long decode_socketio(struct hints *hints, const uint8_t *data, size_t size,
                            struct message *message) {
  return decode(hints, data, size, message, read_socketio);
}

static void answer_socketio(int fd, const struct message *ping) {
  if (ping->length == 1 && *ping->text == '2')
    websocket_send(fd, OP_TEXT, "3", 1);
  else
    answer_pong(fd, ping);
}

const struct dialect dialect_socketio = {
    .name = "socketio",
    .publisher_path = "/socket.io/?EIO=4&transport=websocket",
    .subscriber_path = "/socket.io/?EIO=4&transport=websocket",
    .subprotocol = "",
    .opens = {"0{", "40", "40{"},
    .subscribe = "42%j[\"subscribe\",\"%c\"]",
    .subscribed = "43",
    .publish = {.body = "42[\"publish\",\"%c\",%p]"},
    .acked = {.body = "42%n[\"publish\",\"%c\",%p]"},
    .decode = decode_socketio,
    .answer = answer_socketio,
};
