/*
 * Load generator: many channels, many publishers and many subscribers against one server, in a closed
 * loop or by a schedule.
 *
 * Every subscriber checks every channel: no gap, no repetition, no change of order, and consecutive
 * offsets where the server has them. Prints one JSON object per line on stdout: begin, end, result.
 * Status 0: measured; 1: measured, and something was wrong; 2: could not start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
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
  struct options options = {
      .target = {.host = "127.0.0.1", .names = {.prefix = "", .token = ""}},
      .plan = {.channels = 1, .subscribers = 1, .each = 1, .publishers = 1},
      .payload = 100, .in_flight = 1, .warmup = 2, .seconds = 5, .stall = 10};
  const char *protocol = NULL, *complete = "";
  const struct argument arguments[] = {
      ARGUMENT("host", &options.target.host),
      ARGUMENT("port", &options.target.port),
      ARGUMENT("protocol", &protocol),
      ARGUMENT("path", &options.target.path),
      ARGUMENT("token", &options.target.names.token),
      ARGUMENT("subscribe-protocol", &options.subscribe_protocol),
      ARGUMENT("subscribe-path", &options.subscribe_path),
      ARGUMENT("prefix", &options.target.names.prefix),
      ARGUMENT("channels", &options.plan.channels),
      ARGUMENT("subscribers", &options.plan.subscribers),
      ARGUMENT("each", &options.plan.each),
      ARGUMENT("publishers", &options.plan.publishers),
      ARGUMENT("in-flight", &options.in_flight),
      ARGUMENT("packet", &options.packet),
      ARGUMENT("rate", &options.rate),
      ARGUMENT("batch", &options.plan.batch),
      ARGUMENT("acks", &options.acks),
      ARGUMENT("complete", &complete),
      ARGUMENT("until-closed", &options.until_closed),
      ARGUMENT("ledger", &options.ledger),
      ARGUMENT("payload", &options.payload),
      ARGUMENT("warmup", &options.warmup),
      ARGUMENT("seconds", &options.seconds),
      ARGUMENT("stall", &options.stall),
      {0},
  };
  take_arguments(count, values, arguments, usage);
  if (!protocol || options.target.port <= 0) die("--protocol and --port are needed\n%s", usage);
  options.dialect = dialect_named(protocol);
  options.await_acks = strcmp(complete, "acks") == 0;
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
