#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "wire.h"

enum { MOST_ARGUMENTS = 32 };

static void take(const struct argument *argument, const char *text) {
  void *value = argument->value;
  switch (argument->type) {
    case TEXT: *(const char **)value = text; return;
    case INT: *(int *)value = atoi(text); return;
    case UINT32: *(uint32_t *)value = (uint32_t)atoi(text); return;
    case UINT64: *(uint64_t *)value = (uint64_t)atoll(text); return;
    case DOUBLE: *(double *)value = atof(text); return;
  }
}

void take_arguments(int count, char **values, const struct argument *arguments, const char *usage) {
  struct option names[MOST_ARGUMENTS + 1] = {0};
  for (int i = 0; arguments[i].name; i++) {
    if (i == MOST_ARGUMENTS) die("more than %d arguments", MOST_ARGUMENTS);
    names[i] = (struct option){.name = arguments[i].name, .has_arg = required_argument};
  }
  int known, which;
  while ((known = getopt_long(count, values, "", names, &which)) == 0)
    take(&arguments[which], optarg);
  if (known == -1) return;
  if (usage) die("%s", usage);
  exit(2);
}

uint64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

uint64_t ns(double seconds) { return (uint64_t)(seconds * 1e9); }

double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t raise_file_limit(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_max;
}

void watch(int epoll, int operation, int fd, uint32_t events, uint32_t number) {
  struct epoll_event event = {.events = events, .data.u32 = number};
  if (epoll_ctl(epoll, operation, fd, &event) < 0) die("epoll: %s", strerror(errno));
}

void copy_printable(char *text, size_t size, const uint8_t *bytes, size_t length) {
  if (length > size - 1) length = size - 1;
  for (size_t i = 0; i < length; i++)
    text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
  text[length] = 0;
}

void print_event(const char *name) {
  printf("{\"event\":\"%s\"}\n", name);
  fflush(stdout);
}

void print_string(const char *name, const char *value) {
  printf(",\"%s\":\"", name);
  for (; *value; value++) printf(*value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
  printf("\"");
}

void print_latency(const char *name, const struct histogram *histogram) {
  if (histogram->total == 0) return;
  printf(",\"%s\":{\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f}", name,
         histogram_ms(histogram, 0.5), histogram_ms(histogram, 0.99), histogram_ms(histogram, 0.999),
         (double)histogram->largest / 1e6);
}
