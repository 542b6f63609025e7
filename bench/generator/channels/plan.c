#include "plan.h"

#include "template.h"
#include "wire.h"

void plan_check(const struct plan *plan) {
  if (plan->channels < 1 || plan->publishers < 1) die("at least one channel and one publisher");
  if (plan->channels > MOST_CHANNELS || plan->publishers > MOST_PUBLISHERS)
    die("at most %d channels and %d publishers", MOST_CHANNELS, MOST_PUBLISHERS);
  if (plan->each > plan->channels) die("a connection subscribes to each channel once");
  if ((uint64_t)plan->subscribers * plan->each % plan->channels != 0)
    die("subscribers times each must be a multiple of channels");
}

uint32_t plan_fan(const struct plan *plan) {
  uint32_t fan = (uint32_t)((uint64_t)plan->subscribers * plan->each / plan->channels);
  return plan->batch ? fan * plan->channels : fan;
}

static uint32_t common_divisor(uint32_t a, uint32_t b) {
  return b == 0 ? a : common_divisor(b, a % b);
}

struct walk plan_walk(const struct plan *plan, uint32_t subscriber) {
  uint32_t channels = plan->channels;
  if (plan->subscribers % channels != 0 || channels == 1)
    return (struct walk){subscriber * plan->each % channels, 1, 1};
  uint32_t stride = 37 + subscriber / channels;
  while (common_divisor(stride, channels) != 1) stride++;
  uint32_t inverse = 1;
  while ((uint64_t)inverse * stride % channels != 1) inverse++;
  return (struct walk){subscriber % channels, stride, inverse};
}
