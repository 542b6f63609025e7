#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

const char payload_start[] = "{\"content\":\"";

static const int widths[] = {
    [PART_PUBLISHER] = PUBLISHER_DIGITS,
    [PART_CHANNEL] = CHANNEL_DIGITS,
    [PART_SEQUENCE] = SEQUENCE_DIGITS,
    [PART_NUMBER] = NUMBER_DIGITS,
};

void channel_name(const struct names *names, uint32_t channel, char *out, size_t capacity) {
  snprintf(out, capacity, "%sc%0*u", names->prefix, CHANNEL_DIGITS, channel);
}

static void reserve(struct template *template, size_t length) {
  if (template->length + length <= template->capacity) return;
  template->capacity = (template->length + length) * 2;
  template->bytes = realloc(template->bytes, template->capacity);
  if (!template->bytes) die("out of memory");
}

static void add(struct template *template, const void *bytes, size_t length) {
  reserve(template, length);
  memcpy(template->bytes + template->length, bytes, length);
  template->length += length;
}

static void add_text(struct template *template, const char *text) {
  add(template, text, strlen(text));
}

static void add_place(struct template *template, enum part part) {
  if (template->count == MOST_PLACES) die("too many places in a message");
  template->places[template->count].part = part;
  template->places[template->count++].at = template->length;
  add(template, "0000000000", (size_t)widths[part]);
}

static void add_payload(struct template *template, size_t size) {
  size_t least = strlen(payload_start) + MARK_DIGITS + 2;
  if (size < least) die("a payload has at least %zu bytes", least);
  add_text(template, payload_start);
  add_place(template, PART_PUBLISHER);
  add_place(template, PART_CHANNEL);
  add_place(template, PART_SEQUENCE);
  reserve(template, size - least);
  memset(template->bytes + template->length, 'x', size - least);
  template->length += size - least;
  add_text(template, "\"}");
}

static void add_all_names(struct template *template, const struct names *names) {
  char name[256];
  for (uint32_t channel = 0; channel < names->channels; channel++) {
    channel_name(names, channel, name, sizeof name);
    add_text(template, channel == 0 ? "\"" : ",\"");
    add_text(template, name);
    add_text(template, "\"");
  }
}

static void expand(struct template *template, const char *format, const struct names *names,
                   size_t payload_size, size_t body_length) {
  char text[32];
  for (; *format; format++) {
    if (*format != '%') {
      add(template, format, 1);
      continue;
    }
    switch (*++format) {
      case 'p': add_payload(template, payload_size); break;
      case 'c':
        add_text(template, names->prefix);
        add_text(template, "c");
        add_place(template, PART_CHANNEL);
        break;
      case 'C': add_all_names(template, names); break;
      case 'n': add_place(template, PART_NUMBER); break;
      case 'q': add_place(template, PART_PUBLISHER); break;
      case 'm': /* differs from run to run: nothing is a repetition of another run */
        snprintf(text, sizeof text, "%08x-", (unsigned)time(NULL) ^ (unsigned)getpid() << 20);
        add_text(template, text);
        add_place(template, PART_PUBLISHER);
        add_place(template, PART_NUMBER);
        break;
      case 'l':
        snprintf(text, sizeof text, "%zu", body_length);
        add_text(template, text);
        break;
      case 't': add_text(template, names->token); break;
      default: die("no such place in a message: %%%c", *format);
    }
  }
}

void template_build(struct template *template, const struct format *format, const struct names *names,
                   size_t payload_size, int frame) {
  struct template body = {0};
  expand(&body, format->body, names, payload_size, 0);
  *template = (struct template){0};
  if (format->head) expand(template, format->head, names, payload_size, body.length);
  expand(template, format->body, names, payload_size, 0);
  if (format->tail) expand(template, format->tail, names, payload_size, 0);
  free(body.bytes);
  if (!frame) return;
  uint8_t *framed = malloc(template->length + 14);
  if (!framed) die("out of memory");
  size_t length = frame_encode(framed, OP_TEXT, template->bytes, template->length);
  for (int i = 0; i < template->count; i++) template->places[i].at += length - template->length;
  free(template->bytes);
  template->bytes = framed;
  template->length = length;
}

void template_write(const struct template *template, const struct digits *digits, uint8_t *out) {
  const uint64_t values[] = {
      [PART_PUBLISHER] = digits->publisher,
      [PART_CHANNEL] = digits->channel,
      [PART_SEQUENCE] = digits->sequence,
      [PART_NUMBER] = digits->number,
  };
  memcpy(out, template->bytes, template->length);
  for (int i = 0; i < template->count; i++) {
    enum part part = template->places[i].part;
    digits_write(out + template->places[i].at, widths[part], values[part]);
  }
}
