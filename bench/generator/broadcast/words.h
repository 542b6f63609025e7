/* Text for payloads that are compressed: repeated letters would be gone, and noise would not shrink. */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Sentences in JSON-safe ASCII, the same in every run. Exits when there is no memory. */
uint8_t *words_make(size_t size);

#endif
