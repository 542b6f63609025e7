/*
 * Load generator: a fleet of clients with one subscription each, and what happens to fleets.
 *
 *   fleet idle   connects, stops at the given numbers of clients until a line comes on stdin, and answers heartbeats;
 *                then counts those between two lines, and ends with a third
 *   fleet storm  connects all clients as fast as they are let in
 *   fleet drop   publishes at a fixed rate, resets all connections, comes back later, and checks that every client gets
 *                every publication once and in order
 *
 * Prints one JSON object per line on stdout. Status 0: measured; 1: measured, and the server failed; 2: could not start.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "program.h"

static void parse_stops(struct options *options, const char *text) {
  int count = 0;
  for (const char *at = text; at && count < MAX_STOPS; at = strchr(at, ','), at = at ? at + 1 : NULL)
    options->stops[count++] = atoi(at);
  for (int i = 0; i < count; i++)
    if (options->stops[i] <= (i ? options->stops[i - 1] : 0)) die("--stops must ascend");
  options->clients = options->stops[count - 1];
}

static struct options parse_options(int count, char **values) {
  struct options options = {.host = "127.0.0.1", .channel = "bench:c", .channels = 100,
                            .clients = 1000, .outstanding = 256, .stall = 30, .rate = 10,
                            .payload = 100, .limit = 30, .calm = 2, .away = 2, .spread = 1};
  const char *protocol = NULL, *stops = NULL;
  const struct argument arguments[] = {
      ARGUMENT("host", &options.host),
      ARGUMENT("port", &options.port),
      ARGUMENT("protocol", &protocol),
      ARGUMENT("channel", &options.channel),
      ARGUMENT("channels", &options.channels),
      ARGUMENT("tokens", &options.tokens),
      ARGUMENT("clients", &options.clients),
      ARGUMENT("outstanding", &options.outstanding),
      ARGUMENT("recover", &options.recovers),
      ARGUMENT("stall", &options.stall),
      ARGUMENT("stops", &stops),
      ARGUMENT("warmup-clients", &options.warmup_clients),
      ARGUMENT("untouched", &options.untouched),
      ARGUMENT("rate", &options.rate),
      ARGUMENT("payload", &options.payload),
      ARGUMENT("calm", &options.calm),
      ARGUMENT("away", &options.away),
      ARGUMENT("spread", &options.spread),
      ARGUMENT("limit", &options.limit),
      {0},
  };
  take_arguments(count, values, arguments, NULL);
  if (stops) parse_stops(&options, stops);
  if (!protocol || options.port <= 0) die("--protocol and --port are needed");
  options.server = dialect_named(protocol);
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
