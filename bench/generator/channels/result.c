#include "result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program.h"
#include "wire.h"

static void print_problem(const struct problem *problem) {
  printf(",\"problem\":{\"subscriber\":%d,\"publisher\":%d,\"channel\":%d,\"expected\":%llu,"
         "\"received\":%llu",
         problem->subscriber, problem->publisher, problem->channel,
         (unsigned long long)problem->expected, (unsigned long long)problem->received);
  print_string("kind", problem->kind);
  print_string("text", problem->text);
  printf("}");
}

void result_print(const struct run *run) {
  const struct plan *plan = &run->options.plan;
  const struct counters *window = &run->window;
  const struct counters total = run_counters(run);
  /* A request to all channels is as many publications. */
  unsigned long long weight = plan->batch ? plan->channels : 1;
  printf("{\"event\":\"result\",\"ok\":%s,\"seconds\":%.6f,\"deliveries\":%llu,"
         "\"publications\":%llu,\"acks\":%llu,\"offered\":%.0f,\"cpu_seconds\":%.4f,"
         "\"frame_bytes\":%.1f,\"heartbeats\":%llu",
         run->problem.kind ? "false" : "true", run->seconds, (unsigned long long)window->deliveries,
         window->published * weight, window->acks * weight, run->options.rate * run->seconds,
         window->cpu, window->deliveries ? (double)window->bytes / (double)window->deliveries : 0,
         (unsigned long long)(run->reader.pings + run->publisher_reader.pings));
  printf(",\"total\":{\"publications\":%llu,\"deliveries\":%llu,\"acks\":%llu}",
         total.published * weight, (unsigned long long)total.deliveries, total.acks * weight);
  print_latency("last_subscriber_ms", &run->last);
  print_latency("delivery_ms", &run->delivered);
  print_latency("ack_ms", &run->acked);
  if (run->problem.kind) print_problem(&run->problem);
  printf("}\n");
}

void result_write_ledger(const struct run *run) {
  FILE *file = fopen(run->options.ledger, "w");
  if (!file) die("%s: %s", run->options.ledger, strerror(errno));
  const struct plan *plan = &run->options.plan;
  for (uint32_t channel = 0; channel < plan->channels; channel++)
    for (uint32_t publisher = 0; publisher < plan->publishers; publisher++)
      fprintf(file, "%u %u %u\n", channel, publisher,
              run->sending.ledger[channel * plan->publishers + publisher]);
  if (fclose(file) != 0) die("%s: %s", run->options.ledger, strerror(errno));
}
