/* What the programs have in common beside the wire: arguments, time, files, epoll and lines of output. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

/* One `--name value`, and where it goes. The last one of a list has no name. */
struct argument {
  const char *name;
  enum { TEXT, INT, UINT32, UINT64, DOUBLE } type;
  void *value;
};

#define ARGUMENT(name, value)                                                                      \
  {name, _Generic((value), const char **: TEXT, int *: INT, uint32_t *: UINT32, uint64_t *: UINT64, \
                  double *: DOUBLE), value}

/* Exits with `usage`, or without a further word when that is NULL, where one of the `values` is none of these. */
void take_arguments(int count, char **values, const struct argument *arguments, const char *usage);

/* Nanoseconds of a clock that never goes back. */
uint64_t clock_ns(void);
uint64_t ns(double seconds);
/* Of this process so far. */
double cpu_seconds(void);

/* As many open files as the system allows; how many that are. */
uint64_t raise_file_limit(void);

/* epoll_ctl; `number` comes with the events. Exits when it fails. */
void watch(int epoll, int operation, int fd, uint32_t events, uint32_t number);

/* At most `size` - 1 bytes of what a server said, with dots for what cannot be printed. */
void copy_printable(char *text, size_t size, const uint8_t *bytes, size_t length);

/* A line of output: `{"event":"begin"}`. */
void print_event(const char *name);
/* `,"name":"value"` */
void print_string(const char *name, const char *value);
/* `,"name":{"p50":…,"p99":…,"p999":…,"max":…}`, in milliseconds; nothing when nothing was recorded. */
void print_latency(const char *name, const struct histogram *histogram);

#endif
