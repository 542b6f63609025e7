/* What went wrong first. */
#ifndef CHECK_H
#define CHECK_H

#include "dialect.h"

struct problem {
  const char *kind; /* gap, duplicate, reorder, offset, stall, closed, refused, unexpected; NULL: none */
  int subscriber;   /* number of the connection; -1: it was a publisher's */
  int publisher;
  int channel;      /* -1: none */
  uint64_t expected, received;
  char text[256];
};

/* Sets the problem, if there is none yet. `message`: what the server said, or NULL. */
void problem_set(struct problem *problem, struct problem what, const struct message *message);

/* What a message that is neither a delivery nor an ack is called as a problem. */
const char *problem_kind(const struct message *message);

#endif
