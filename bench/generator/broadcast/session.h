/* From a TCP connection to the point where publications may come. */
#ifndef SESSION_H
#define SESSION_H

#include "subscriber.h"

struct target {
  const char *host;
  int port;
  const char *path; /* NULL: the protocol's own */
  const char *channel;
};

/* Opens a session, and subscribes when asked to. Returns the socket; `rest` bytes that came behind
 * the handshake are at the start of the checker's workspace. */
int session_open(struct checker *checker, const struct target *target, int subscribe, size_t *rest);

#endif
