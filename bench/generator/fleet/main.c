/*
 * Load generator: a fleet of clients with one subscription each, and what happens to fleets.
 *
 *   fleet idle   connects, stops at the given numbers of clients until a line comes on stdin, and answers heartbeats
 *   fleet storm  connects all clients as fast as they are let in
 *   fleet drop   publishes at a fixed rate, resets all connections, comes back later, and checks that every client gets
 *                every publication once and in order
 *
 * Prints one JSON object per line on stdout. Status 0: measured; 1: measured, and the server failed; 2: could not start.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

static void parse_stops(struct options *options, char *text) {
  int count = 0;
  for (char *part = strtok(text, ","); part && count < MAX_STOPS; part = strtok(NULL, ","))
    options->stops[count++] = atoi(part);
  for (int i = 0; i < count; i++)
    if (options->stops[i] <= (i ? options->stops[i - 1] : 0)) die("--stops must ascend");
  if (count > 0) options->clients = options->stops[count - 1];
}

static struct options parse_options(int count, char **values) {
  static const struct option names[] = {
      {"host", 1, 0, 'h'},   {"port", 1, 0, 'p'},        {"protocol", 1, 0, 'P'},
      {"channel", 1, 0, 'c'}, {"channels", 1, 0, 'n'},   {"tokens", 1, 0, 't'},
      {"clients", 1, 0, 's'}, {"outstanding", 1, 0, 'o'}, {"recover", 1, 0, 'R'},
      {"stall", 1, 0, 'l'},  {"stops", 1, 0, 'S'},       {"warmup-clients", 1, 0, 'w'},
      {"untouched", 1, 0, 'u'}, {"rate", 1, 0, 'r'},     {"payload", 1, 0, 'b'},
      {"calm", 1, 0, 'C'},   {"away", 1, 0, 'a'},        {"spread", 1, 0, 'd'},
      {"limit", 1, 0, 'L'},
      {0, 0, 0, 0},
  };
  struct options options = {.host = "127.0.0.1", .channel = "bench:c", .channels = 100,
                            .clients = 1000, .outstanding = 256, .stall = 30, .rate = 10,
                            .payload = 100, .limit = 30, .calm = 2, .away = 2, .spread = 1};
  int named = 0;
  int option;
  while ((option = getopt_long(count, values, "", names, NULL)) != -1) {
    switch (option) {
      case 'h': options.host = optarg; break;
      case 'p': options.port = atoi(optarg); break;
      case 'P': options.server = dialect_named(optarg); named = 1; break;
      case 'c': options.channel = optarg; break;
      case 'n': options.channels = atoi(optarg); break;
      case 't': options.tokens = optarg; break;
      case 's': options.clients = atoi(optarg); break;
      case 'o': options.outstanding = atoi(optarg); break;
      case 'R': options.recovers = atoi(optarg); break;
      case 'l': options.stall = atof(optarg); break;
      case 'S': parse_stops(&options, optarg); break;
      case 'w': options.warmup_clients = atoi(optarg); break;
      case 'u': options.untouched = atoi(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'b': options.payload = (size_t)atol(optarg); break;
      case 'C': options.calm = atof(optarg); break;
      case 'a': options.away = atof(optarg); break;
      case 'L': options.limit = atof(optarg); break;
      case 'd': options.spread = atof(optarg); break;
      default: exit(2);
    }
  }
  if (!named || options.port <= 0) die("--protocol and --port are needed");
  if (options.clients < 1 || options.channels < 1 || options.outstanding < 1 || options.rate <= 0)
    die("at least one of everything");
  return options;
}

int main(int count, char **values) {
  static const struct {
    const char *name;
    void (*run)(struct fleet *);
  } modes[] = {{"idle", run_idle}, {"storm", run_storm}, {"drop", run_drop}};
  static struct fleet fleet;
  if (count < 2) die("idle, storm or drop?");
  fleet.options = parse_options(count - 1, values + 1);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(modes[i].name, values[1]) != 0) continue;
    fleet_init(&fleet);
    modes[i].run(&fleet);
    return fleet.problem.kind ? 1 : 0;
  }
  die("idle, storm or drop? not %s", values[1]);
}
