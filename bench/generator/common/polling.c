#define _GNU_SOURCE
#include "polling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static void ask(const struct polling *polling) {
  char text[4096];
  int length = snprintf(text, sizeof text,
                        polling->in_list ? "GET %s%s HTTP/1.1\r\nHost: %s:%d\r\n\r\n"
                                         : "GET %s HTTP/1.1\r\n%sHost: %s:%d\r\n\r\n",
                        polling->path, polling->cursor, polling->host, polling->port);
  if (length >= (int)sizeof text) die("the path is too long");
  http_send(polling->fd, text);
}

struct polling *polling_open(const char *host, int port, const char *path, int in_list) {
  struct polling *polling = calloc(1, sizeof *polling);
  uint8_t *response = malloc(RESPONSE_SIZE);
  if (!polling || !response) die("out of memory");
  *polling = (struct polling){.fd = tcp_open(host, port), .in_list = in_list, .host = host,
                              .port = port, .path = path, .response = response};
  ask(polling);
  return polling;
}

/* The value of a header, whose name comes with its colon; "" when there is none. */
static void header(const struct polling *polling, size_t head, const char *name, char *value,
                   size_t capacity) {
  *value = 0;
  const char *at = (const char *)polling->response;
  const char *end = at + head;
  for (; at && at < end; at = memmem(at, (size_t)(end - at), "\r\n", 2), at = at ? at + 2 : NULL) {
    if (strncasecmp(at, name, strlen(name)) != 0) continue;
    at += strlen(name);
    while (*at == ' ') at++;
    size_t length = strcspn(at, "\r");
    if (length >= capacity) die("a header is too long: %s", name);
    memcpy(value, at, length);
    value[length] = 0;
    return;
  }
}

static void keep_cursor(struct polling *polling, size_t head) {
  char value[256];
  if (polling->in_list) {
    header(polling, head, "Tidewire-Cursor:", value, sizeof value);
    if (*value) snprintf(polling->cursor, sizeof polling->cursor, "&cursor=%s", value);
    return;
  }
  char tag[128];
  header(polling, head, "Last-Modified:", value, sizeof value);
  header(polling, head, "Etag:", tag, sizeof tag);
  if (*value)
    snprintf(polling->cursor, sizeof polling->cursor,
             "If-Modified-Since: %s\r\nIf-None-Match: %s\r\n", value, tag);
}

static size_t emit(uint8_t *out, const void *text, size_t length) {
  memcpy(out, text, length);
  memcpy(out + length, "\n\n", 2);
  return length + 2;
}

/* `{…"publications":[{"type":…},{"type":…}],"resets":[]}` */
static size_t emit_list(const uint8_t *body, size_t length, uint8_t *out) {
  static const char start[] = "{\"type\":\"message\"";
  static const char behind[] = "],\"resets\":[]";
  const uint8_t *end = memmem(body, length, behind, sizeof behind - 1);
  if (!end) return emit(out, "event: reset", 12);
  size_t written = 0;
  const uint8_t *at = memmem(body, (size_t)(end - body), start, sizeof start - 1);
  while (at) {
    const uint8_t *next = memmem(at + 1, (size_t)(end - at - 1), start, sizeof start - 1);
    written += emit(out + written, at, (size_t)((next ? next - 1 : end) - at));
    at = next;
  }
  return written > 0 ? written : emit(out, ": empty", 7);
}

long polling_unwrap(struct polling *polling, uint8_t *data, size_t size) {
  /* Half is for what `emit` adds to many small publications. */
  if (polling->length + size > RESPONSE_SIZE / 2) return -1;
  memcpy(polling->response + polling->length, data, size);
  polling->length += size;
  const uint8_t *end = memmem(polling->response, polling->length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end + 4 - polling->response);
  char text[32];
  header(polling, head, "Content-Length:", text, sizeof text);
  size_t length = (size_t)atol(text);
  if (polling->length < head + length) return 0;
  if (polling->length > head + length) return -1; /* nobody asked */
  polling->length = 0;
  keep_cursor(polling, head);
  int status = atoi((const char *)polling->response + 9);
  const uint8_t *body = polling->response + head;
  size_t written = status == 204 || status == 304 ? emit(data, ": empty", 7)
                   : status != 200                ? emit(data, "event: error", 12)
                   : polling->in_list             ? emit_list(body, length, data)
                                                  : emit(data, body, length);
  ask(polling);
  return (long)written;
}
