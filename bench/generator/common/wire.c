#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(2);
}

enum { RSV1 = 0x40 };

/* `allowed`: reserved bits that mean something here. */
static long decode(const uint8_t *data, size_t size, uint8_t allowed, struct frame *frame) {
  if (size < 2) return 0;
  /* FIN must be set and the other bits clear; a continuation would be a fragment; servers never mask. */
  if ((data[0] & 0xf0 & ~allowed) != 0x80 || (data[0] & 0x0f) == 0 || (data[1] & 0x80)) return -1;
  frame->compressed = (data[0] & RSV1) != 0;
  if (frame->compressed && (data[0] & 0x0f) >= OP_CLOSE) return -1;
  size_t header = 2;
  size_t length = data[1];
  if (length == 126) {
    if (size < 4) return 0;
    length = (size_t)data[2] << 8 | data[3];
    header = 4;
  } else if (length == 127) {
    if (size < 10) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | data[i];
    header = 10;
    if (length > 1 << 20) return -1;
  }
  if (size < header + length) return 0;
  frame->opcode = data[0] & 0x0f;
  frame->payload = data + header;
  frame->length = length;
  return (long)(header + length);
}

long frame_decode(const uint8_t *data, size_t size, struct frame *frame) {
  return decode(data, size, 0, frame);
}

long frame_decode_deflated(const uint8_t *data, size_t size, struct frame *frame) {
  return decode(data, size, RSV1, frame);
}

size_t frame_encode(uint8_t *out, int opcode, const void *payload, size_t length) {
  size_t at = 0;
  out[at++] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    out[at++] = (uint8_t)(0x80 | length);
  } else if (length < 65536) {
    out[at++] = 0x80 | 126;
    out[at++] = (uint8_t)(length >> 8);
    out[at++] = (uint8_t)length;
  } else {
    out[at++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) out[at++] = (uint8_t)((uint64_t)length >> shift);
  }
  memset(out + at, 0, 4);
  memcpy(out + at + 4, payload, length);
  return at + 4 + length;
}

static void send_all(int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent > 0) {
      data += sent;
      size -= (size_t)sent;
    } else if (sent < 0 && errno == EAGAIN) {
      struct pollfd writable = {.fd = fd, .events = POLLOUT};
      if (poll(&writable, 1, 5000) <= 0) die("a socket takes no bytes for 5 s");
    } else if (errno != EINTR) {
      return; /* a closed connection is reported where it is read */
    }
  }
}

void http_send(int fd, const char *text) { send_all(fd, (const uint8_t *)text, strlen(text)); }

void websocket_send(int fd, int opcode, const void *payload, size_t length) {
  uint8_t frame[14 + 1024];
  if (length > 1024) die("a control frame of %zu bytes", length);
  send_all(fd, frame, frame_encode(frame, opcode, payload, length));
}

int tcp_open(const char *host, int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s", strerror(errno));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("not an IPv4 address: %s", host);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    die("connect %s:%d: %s", host, port, strerror(errno));
  /* The handshake blocks, but not for ever; afterwards nothing blocks. */
  struct timeval patience = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/* Sends the request and reads the head of the response, whose status must be `status`. Returns its
 * length; `have` bytes of `response` are there in all. */
static size_t request(int fd, const char *text, const char *status, uint8_t *response,
                      size_t capacity, size_t *have) {
  http_send(fd, text);
  const uint8_t *end = NULL;
  *have = 0;
  while (!end) {
    ssize_t got = recv(fd, response + *have, capacity - *have, 0);
    if (got <= 0) die("the server does not answer the request");
    *have += (size_t)got;
    end = memmem(response, *have, "\r\n\r\n", 4);
    if (!end && *have == capacity) die("the head of the response is too long");
  }
  if (!memmem(response, (size_t)(end - response), status, strlen(status)))
    die("the server refused: %.*s", (int)(*have < 300 ? *have : 300), (char *)response);
  return (size_t)(end + 4 - response);
}

/* The value of a header that is there once or not at all. `capacity` of `value` is 256. */
static void header_value(const char *head, const char *name, char *value) {
  *value = 0;
  const char *at = strcasestr(head, name);
  if (!at) return;
  at += strlen(name);
  at += strspn(at, " ");
  snprintf(value, 256, "%.*s", (int)strcspn(at, "\r"), at);
}

int websocket_open(const char *host, int port, const char *path, const char *subprotocol,
                   uint8_t *rest, size_t capacity, size_t *rest_length) {
  return websocket_open_extended(host, port, path, subprotocol, "", NULL, rest, capacity,
                                 rest_length);
}

int websocket_open_extended(const char *host, int port, const char *path, const char *subprotocol,
                            const char *extensions, char *agreed, uint8_t *rest, size_t capacity,
                            size_t *rest_length) {
  int fd = tcp_open(host, port);
  char text[4096];
  int length = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s%s%s\r\n",
                        path, host, port, *subprotocol ? "Sec-WebSocket-Protocol: " : "",
                        subprotocol, *subprotocol ? "\r\n" : "",
                        *extensions ? "Sec-WebSocket-Extensions: " : "", extensions,
                        *extensions ? "\r\n" : "");
  if (length >= (int)sizeof text) die("the path is too long");
  size_t have;
  size_t head = request(fd, text, " 101 ", rest, capacity, &have);
  if (agreed) {
    rest[head - 1] = 0; /* of the empty line */
    header_value((const char *)rest, "\r\nSec-WebSocket-Extensions:", agreed);
  }
  *rest_length = have - head;
  memmove(rest, rest + head, *rest_length);
  return fd;
}

int eventstream_open(const char *host, int port, const char *path, uint8_t *rest, size_t capacity,
                     size_t *rest_length) {
  int fd = tcp_open(host, port);
  char text[4096];
  int length = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n\r\n",
                        path, host, port);
  if (length >= (int)sizeof text) die("the path is too long");
  size_t have;
  size_t head = request(fd, text, " 200 ", rest, capacity, &have);
  *rest_length = have - head;
  memmove(rest, rest + head, *rest_length);
  return fd;
}
