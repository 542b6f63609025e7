/*
 * Long polling: every response holds what came since the cursor of the one before, and the next
 * request follows at once. The publications in the responses are made a stream of events, which then
 * is checked as any other.
 */
#ifndef POLLING_H
#define POLLING_H

#include <stddef.h>
#include <stdint.h>

struct polling {
  int fd;
  int in_list; /* the body is Tidewire's `publications`, else one payload */
  const char *host;
  int port;
  const char *path;
  char cursor[512]; /* what the next request adds: a query parameter, or headers */
  uint8_t *response;
  size_t length;
};

enum { RESPONSE_SIZE = 256 << 10 };

/* Connects and asks for the first time. */
struct polling *polling_open(const char *host, int port, const char *path, int in_list);

/* Takes `size` bytes of a response. When it is complete, asks again and writes the publications in it to
 * `data`, which has room for RESPONSE_SIZE: each as an event, or `: empty`. Returns their length; -1 when
 * the response is too long or none. */
long polling_unwrap(struct polling *polling, uint8_t *data, size_t size);

#endif
