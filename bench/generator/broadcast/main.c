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
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static struct options parse_options(int count, char **values) {
  static const struct option names[] = {
      {"host", 1, 0, 'h'},      {"port", 1, 0, 'p'},    {"protocol", 1, 0, 'P'},
      {"path", 1, 0, 'u'},      {"channel", 1, 0, 'c'}, {"subscribers", 1, 0, 's'},
      {"payload", 1, 0, 'b'},   {"warmup", 1, 0, 'w'},  {"in-flight", 1, 0, 'f'},
      {"seconds", 1, 0, 't'},   {"stall", 1, 0, 'l'},   {"complete", 1, 0, 'a'},
      {"rate", 1, 0, 'r'},      {"stalled", 1, 0, 'S'}, {"slow", 1, 0, 'o'},
      {"slow-rate", 1, 0, 'R'}, {"publisher-path", 1, 0, 'U'},
      {"content", 1, 0, 'C'},   {"deflate", 1, 0, 'z'},
      {0, 0, 0, 0},
  };
  struct options options = {.target.host = "127.0.0.1", .target.channel = "bench", .subscribers = 200,
                            .payload = 100, .in_flight = 1, .slow_rate = 10000, .warmup = 2, .seconds = 5,
                            .stall = 10};
  int option;
  while ((option = getopt_long(count, values, "", names, NULL)) != -1) {
    switch (option) {
      case 'h': options.target.host = optarg; break;
      case 'p': options.target.port = atoi(optarg); break;
      case 'P': options.protocol = protocol_named(optarg); break;
      case 'u': options.target.path = optarg; break;
      case 'U': options.target.publisher_path = optarg; break;
      case 'C': options.words = strcmp(optarg, "words") == 0; break;
      case 'z': options.target.deflate = atoi(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'S': options.stalled = atoi(optarg); break;
      case 'o': options.slow = atoi(optarg); break;
      case 'R': options.slow_rate = atof(optarg); break;
      case 'c': options.target.channel = optarg; break;
      case 's': options.subscribers = atoi(optarg); break;
      case 'b': options.payload = (size_t)atol(optarg); break;
      case 'w': options.warmup = atof(optarg); break;
      case 'f': options.in_flight = (uint64_t)atoll(optarg); break;
      case 't': options.seconds = atof(optarg); break;
      case 'l': options.stall = atof(optarg); break;
      case 'a': options.await_acks = strcmp(optarg, "acks") == 0; break;
      default: exit(2);
    }
  }
  if (!options.protocol || options.target.port <= 0) die("--protocol and --port are needed");
  if (options.subscribers < 1 || options.in_flight < 1) die("at least one of everything");
  if (options.stalled + options.slow >= options.subscribers) die("somebody has to read");
  if (options.target.deflate && options.stalled + options.slow > 0)
    die("who reads slowly is sent nothing compressed here");
  if (options.target.deflate && options.protocol->framing != BY_FRAME)
    die("only messages that are WebSocket messages can be compressed here");
  if (options.await_acks && !options.protocol->acks) die("this protocol has no acks");
  return options;
}

static void print_string(const char *name, const char *value) {
  printf(",\"%s\":\"", name);
  for (; *value; value++) printf(*value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
  printf("\"");
}

static void print_latency(const char *name, const struct histogram *histogram) {
  if (histogram->total == 0) return;
  printf(",\"%s\":{\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f}", name,
         histogram_ms(histogram, 0.5), histogram_ms(histogram, 0.99), histogram_ms(histogram, 0.999),
         (double)histogram->largest / 1e6);
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
