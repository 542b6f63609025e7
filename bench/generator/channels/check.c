#include "check.h"

void problem_set(struct problem *problem, struct problem what, const struct message *message) {
  if (problem->kind) return;
  *problem = what;
  size_t room = sizeof problem->text - 1;
  size_t length = message && message->length < room ? message->length : message ? room : 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = message->text[i];
    problem->text[i] = byte >= ' ' && byte < 0x7f ? (char)byte : '.';
  }
  problem->text[length] = 0;
}

const char *problem_kind(const struct message *message) {
  if (message->kind == KIND_CLOSED) return "closed";
  return message->kind == KIND_FAILURE ? "refused" : "unexpected";
}
