/* WebSocket client side, as much of RFC 6455 as a load generator needs. */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct frame {
  int opcode;
  const uint8_t *payload;
  size_t length; /* of the payload */
  int compressed;
};

/* Length of the whole frame at `data`; 0 when it is not complete yet; -1 when it is not a frame that
 * a server may send here (masked, fragmented, compressed). */
long frame_decode(const uint8_t *data, size_t size, struct frame *frame);

/* The same where messages may be compressed (RFC 7692). */
long frame_decode_deflated(const uint8_t *data, size_t size, struct frame *frame);

/* Writes a masked frame and returns its length. The mask key is zero: legal, and the payload stays
 * readable, so that a prebuilt frame can be patched in place. `out` holds 14 + length bytes. */
size_t frame_encode(uint8_t *out, int opcode, const void *payload, size_t length);

/* Exits with a message when nobody listens. What is read from it blocks for 10 s at most. */
int tcp_open(const char *host, int port);

/* Sends a request, all of it. */
void http_send(int fd, const char *text);

/* Opens one TCP connection and upgrades it. Bytes after the response stay in `rest`.
 * Exits with a message when the server refuses. */
int websocket_open(const char *host, int port, const char *path, const char *subprotocol,
                   uint8_t *rest, size_t capacity, size_t *rest_length);

/* The same with an offer of extensions; `agreed` holds 256 bytes for what the server makes of it. */
int websocket_open_extended(const char *host, int port, const char *path, const char *subprotocol,
                            const char *extensions, char *agreed, uint8_t *rest, size_t capacity,
                            size_t *rest_length);

/* The same for an event stream, by plain HTTP. */
int eventstream_open(const char *host, int port, const char *path, uint8_t *rest, size_t capacity,
                     size_t *rest_length);

/* Sends a small control or handshake frame, all of it. */
void websocket_send(int fd, int opcode, const void *payload, size_t length);

/* Reports on stderr and exits with status 2: the run could not start. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
