/*
 * Load generator: one publisher and N subscribers of one channel of one server.
 *
 * In a closed loop a publication is complete when every subscriber has received all of it (or, with
 * `--complete acks`, when the server has acknowledged it); then the next one is published. With `--rate`
 * publications leave by schedule instead, and latencies count from when they were due; a server that falls
 * more than `--in-flight` behind, or does not get done at the end, does not sustain the rate, which is
 * no mistake. Prints one JSON object per line on stdout: begin, end, result. Status 0: measured;
 * 1: measured, and the server did not keep order or lost something; 2: could not start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "run.h"

static struct options parse_options(int count, char **values) {
  struct options options = {.target.host = "127.0.0.1", .target.channel = "bench", .subscribers = 200,
                            .payload = 100, .in_flight = 1, .slow_rate = 10000, .warmup = 2, .seconds = 5,
                            .stall = 10};
  const char *protocol = NULL, *complete = "", *content = "";
  const struct argument arguments[] = {
      ARGUMENT("host", &options.target.host),
      ARGUMENT("port", &options.target.port),
      ARGUMENT("protocol", &protocol),
      ARGUMENT("path", &options.target.path),
      ARGUMENT("publisher-path", &options.target.publisher_path),
      ARGUMENT("channel", &options.target.channel),
      ARGUMENT("deflate", &options.target.deflate),
      ARGUMENT("subscribers", &options.subscribers),
      ARGUMENT("stalled", &options.stalled),
      ARGUMENT("slow", &options.slow),
      ARGUMENT("slow-rate", &options.slow_rate),
      ARGUMENT("payload", &options.payload),
      ARGUMENT("content", &content),
      ARGUMENT("in-flight", &options.in_flight),
      ARGUMENT("complete", &complete),
      ARGUMENT("rate", &options.rate),
      ARGUMENT("warmup", &options.warmup),
      ARGUMENT("seconds", &options.seconds),
      ARGUMENT("stall", &options.stall),
      {0},
  };
  take_arguments(count, values, arguments, NULL);
  if (!protocol || options.target.port <= 0) die("--protocol and --port are needed");
  options.protocol = protocol_named(protocol);
  options.await_acks = strcmp(complete, "acks") == 0;
  options.words = strcmp(content, "words") == 0;
  if (options.subscribers < 1 || options.in_flight < 1) die("at least one of everything");
  if (options.stalled + options.slow >= options.subscribers) die("somebody has to read");
  if (options.target.deflate && options.stalled + options.slow > 0)
    die("who reads slowly is sent nothing compressed here");
  if (options.target.deflate && options.protocol->framing != BY_FRAME)
    die("only messages that are WebSocket messages can be compressed here");
  if (options.await_acks && !options.protocol->acks) die("this protocol has no acks");
  return options;
}

static void print_laggards(const struct laggards *laggards, uint64_t published) {
  int let_go = 0, told = 0, complete = 0;
  for (int i = 0; i < laggards->count; i++) {
    let_go += laggards->all[i].let_go;
    told += laggards->all[i].told;
    complete += laggards->all[i].next > published;
  }
  printf(",\"laggards\":{\"let_go\":%d,\"told\":%d,\"complete\":%d,\"missed\":%llu}", let_go, told,
         complete, (unsigned long long)laggards->missed);
}

static void print_result(const struct run *run) {
  const struct stream *stream = &run->checker.stream;
  const struct problem *problem = &run->checker.problem;
  printf("{\"event\":\"result\",\"ok\":%s,\"seconds\":%.6f,\"deliveries\":%llu,\"publications\":%llu,"
         "\"acks\":%llu,\"cpu_seconds\":%.4f,\"frame_bytes\":%.1f,\"wire_bytes\":%llu,\"heartbeats\":%llu",
         problem->kind ? "false" : "true", run->seconds, (unsigned long long)run->deliveries,
         (unsigned long long)run->published, (unsigned long long)run->acks, run->cpu,
         stream->last ? (double)stream->head / (double)stream->last : 0,
         (unsigned long long)run->wire_bytes, (unsigned long long)run->checker.heartbeats);
  printf(",\"total\":{\"publications\":%llu,\"received_by_all\":%llu,\"acks\":%llu}",
         (unsigned long long)run->publisher.published, (unsigned long long)stream->first,
         (unsigned long long)run->publisher.acks);
  if (run->options.rate > 0)
    printf(",\"due\":%llu,\"sustained\":%s", (unsigned long long)run->due,
           run->unsustained ? "false" : "true");
  if (run->laggards.count > 0) print_laggards(&run->laggards, run->publisher.published);
  print_latency("last_subscriber_ms", &run->last);
  print_latency("delivery_ms", &run->sampled);
  print_latency("ack_ms", &run->acked);
  if (problem->kind) {
    printf(",\"problem\":{\"subscriber\":%d,\"expected\":%llu,\"received\":%llu",
           problem->subscriber, (unsigned long long)problem->expected,
           (unsigned long long)problem->received);
    print_string("kind", problem->kind);
    print_string("text", problem->text);
    printf("}");
  }
  printf("}\n");
}

int main(int count, char **values) {
  static struct run run;
  run.options = parse_options(count, values);
  run_connect(&run);
  run_measure(&run);
  print_result(&run);
  return run.checker.problem.kind ? 1 : 0;
}
