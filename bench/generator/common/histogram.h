/* Latencies in nanoseconds, kept to 1.6 %: 32 buckets for every power of two. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 64 * 32 };

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  uint64_t largest;
};

static inline void histogram_record(struct histogram *histogram, uint64_t value) {
  int bucket = (int)value;
  if (value >= 32) {
    int power = 63 - __builtin_clzll(value);
    bucket = (power - 4) * 32 + (int)(value >> (power - 5) & 31);
  }
  histogram->counts[bucket]++;
  histogram->total++;
  if (value > histogram->largest) histogram->largest = value;
}

/* `share` of 1; 0 when nothing was recorded. */
static inline double histogram_ms(const struct histogram *histogram, double share) {
  uint64_t rank = (uint64_t)(share * (double)histogram->total);
  for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    if (histogram->counts[bucket] > rank) {
      if (bucket < 32) return bucket / 1e6;
      return ((double)(32 + bucket % 32) + 0.5) * (double)(1ULL << (bucket / 32 - 1)) / 1e6;
    }
    rank -= histogram->counts[bucket];
  }
  return 0;
}

#endif
