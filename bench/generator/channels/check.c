#include "check.h"

#include "program.h"

void problem_set(struct problem *problem, struct problem what, const struct message *message) {
  if (problem->kind) return;
  *problem = what;
  if (message)
    copy_printable(problem->text, sizeof problem->text, (const uint8_t *)message->text, message->length);
}

const char *problem_kind(const struct message *message) {
  if (message->kind == KIND_CLOSED) return "closed";
  return message->kind == KIND_FAILURE ? "refused" : "unexpected";
}
