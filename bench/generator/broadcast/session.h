/* From a TCP connection to the point where publications may come. */
#ifndef SESSION_H
#define SESSION_H

#include "subscriber.h"

struct target {
  const char *host;
  int port;
  const char *path;           /* NULL: the protocol's own */
  const char *publisher_path; /* NULL: `path`, if there is one */
  const char *channel;
  int deflate; /* subscribers ask for compressed messages, and insist on them */
};

struct subscription {
  const char *since; /* where to go on, as `protocol->since` says it; NULL: from now on */
  char epoch[128];   /* what the server answers */
  int recovered;
};

/* Opens a session, and subscribes unless `subscription` is NULL. Returns the socket; `rest` bytes that came behind
 * the handshake are at the start of the checker's workspace. */
int session_open(struct checker *checker, const struct target *target,
                 struct subscription *subscription, struct wrapper *wrapper, size_t *rest);

#endif
