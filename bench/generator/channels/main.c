/*
 * Load generator: many channels, many publishers and many subscribers against one server, in a closed
 * loop or by a schedule.
 *
 * Every subscriber checks every channel: no gap, no repetition, no change of order, and consecutive
 * offsets where the server has them. Prints one JSON object per line on stdout: begin, end, result.
 * Status 0: measured; 1: measured, and something was wrong; 2: could not start.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"
#include "wire.h"

static const char usage[] =
    "--protocol tidewire|ws|socketio|nats|http|nchan --port n\n"
    "  --path p --token t           instead of the protocol's path; for HTTP\n"
    "  --subscribe-protocol p --subscribe-path p   where subscribers speak another one\n"
    "  --prefix live:               channels are called <prefix>c0000, <prefix>c0001 ...\n"
    "  --channels 1 --subscribers 1 --each 1   connections that subscribe, and channels of each\n"
    "  --publishers 1 --in-flight 1 connections that publish, and messages open on each\n"
    "  --packet 0                   messages in one write; 0: what is due at once\n"
    "  --rate 0                     messages a second of all publishers, by schedule\n"
    "  --batch 0                    1: each request goes to all channels (http)\n"
    "  --acks 0                     1: ask for acks where one can choose\n"
    "  --complete deliveries|acks   what opens the window\n"
    "  --until-closed 0 --ledger f  1: go on until the server is gone; what it acknowledged goes to f\n"
    "  --payload 100 --warmup 2 --seconds 5 --stall 10";

static void check(struct options *options) {
  const struct dialect *dialect = options->dialect;
  if (!dialect || options->target.port <= 0) die("--protocol and --port are needed\n%s", usage);
  plan_check(&options->plan);
  if (options->in_flight < 1) die("at least one in flight");
  if (options->packet > options->in_flight) die("a packet is not larger than the window");
  if (dialect->always_acks) options->acks = 1;
  if (options->await_acks && !options->acks) die("acks open the window, but nobody asks for them");
  if (!options->await_acks && plan_fan(&options->plan) == 0) die("nobody receives anything");
  if (options->until_closed && !options->ledger) die("--until-closed needs --ledger");
  if (options->ledger && options->plan.batch) die("--ledger and --batch do not go together");
  options->target.names.channels = options->plan.channels;
}

static struct options parse_options(int count, char **values) {
  static const struct option names[] = {
      {"host", 1, 0, 'h'},     {"port", 1, 0, 'p'},      {"protocol", 1, 0, 'P'},
      {"path", 1, 0, 'u'},     {"token", 1, 0, 'k'},     {"subscribe-protocol", 1, 0, 'Q'},
      {"subscribe-path", 1, 0, 'U'}, {"prefix", 1, 0, 'x'}, {"channels", 1, 0, 'c'},
      {"subscribers", 1, 0, 's'}, {"each", 1, 0, 'e'},   {"publishers", 1, 0, 'n'},
      {"in-flight", 1, 0, 'f'}, {"packet", 1, 0, 'g'},   {"rate", 1, 0, 'r'},
      {"batch", 1, 0, 'B'},    {"acks", 1, 0, 'A'},      {"complete", 1, 0, 'a'},
      {"until-closed", 1, 0, 'z'}, {"ledger", 1, 0, 'L'}, {"payload", 1, 0, 'b'},
      {"warmup", 1, 0, 'w'},   {"seconds", 1, 0, 't'},   {"stall", 1, 0, 'l'},
      {0, 0, 0, 0},
  };
  struct options options = {
      .target = {.host = "127.0.0.1", .names = {.prefix = "", .token = ""}},
      .plan = {.channels = 1, .subscribers = 1, .each = 1, .publishers = 1},
      .payload = 100, .in_flight = 1, .warmup = 2, .seconds = 5, .stall = 10};
  int option;
  while ((option = getopt_long(count, values, "", names, NULL)) != -1) {
    switch (option) {
      case 'h': options.target.host = optarg; break;
      case 'p': options.target.port = atoi(optarg); break;
      case 'P': options.dialect = dialect_named(optarg); break;
      case 'u': options.target.path = optarg; break;
      case 'k': options.target.names.token = optarg; break;
      case 'Q': options.subscribe_protocol = optarg; break;
      case 'U': options.subscribe_path = optarg; break;
      case 'x': options.target.names.prefix = optarg; break;
      case 'c': options.plan.channels = (uint32_t)atoi(optarg); break;
      case 's': options.plan.subscribers = (uint32_t)atoi(optarg); break;
      case 'e': options.plan.each = (uint32_t)atoi(optarg); break;
      case 'n': options.plan.publishers = (uint32_t)atoi(optarg); break;
      case 'f': options.in_flight = (uint64_t)atoll(optarg); break;
      case 'g': options.packet = (uint64_t)atoll(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'B': options.plan.batch = atoi(optarg); break;
      case 'A': options.acks = atoi(optarg); break;
      case 'a': options.await_acks = strcmp(optarg, "acks") == 0; break;
      case 'z': options.until_closed = atoi(optarg); break;
      case 'L': options.ledger = optarg; break;
      case 'b': options.payload = (size_t)atol(optarg); break;
      case 'w': options.warmup = atof(optarg); break;
      case 't': options.seconds = atof(optarg); break;
      case 'l': options.stall = atof(optarg); break;
      default: die("%s", usage);
    }
  }
  check(&options);
  return options;
}

int main(int count, char **values) {
  static struct run run;
  run.options = parse_options(count, values);
  run_connect(&run);
  run_measure(&run);
  if (run.options.ledger) result_write_ledger(&run);
  result_print(&run);
  return run.problem.kind ? 1 : 0;
}
