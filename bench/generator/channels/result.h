/* What a run came to. */
#ifndef RESULT_H
#define RESULT_H

#include "run.h"

/* Prints the line `result`. */
void result_print(const struct run *run);

/* One line for each channel and publisher: channel, publisher, highest acknowledged sequence number. */
void result_write_ledger(const struct run *run);

#endif
