/*
 * names: what an exporter's options records call things by number: applications, VRFs, interfaces, its own elements.
 *
 * Belongs to a session. Entries stay in the order in which they came, so that a checkpoint that is loaded saves the same
 * bytes. Texts are made fit by learnt_text before they come here. One thread.
 */
#pragma once
#include "base/intern.h"

enum name_kind {
    NAME_APPLICATION,
    NAME_APPLICATION_CATEGORY,
    NAME_APPLICATION_SUBCATEGORY,
    NAME_APPLICATION_GROUP,
    NAME_VRF,
    NAME_INTERFACE,
    NAME_INTERFACE_DESCRIPTION,
    NAME_ELEMENT, /* by enterprise << 16 | element; `type` is its data type + 1 (RFC 5610) */
    NAME_KINDS
};

struct name {
    uint64_t id;
    char *text;
    uint32_t interned, generation; /* the text's id in the table of strings when its generation was this */
    uint8_t kind, len, type;
};

struct names {
    struct name *rows;
    uint16_t *slots; /* open addressing: row + 1 */
    uint32_t mask;
    uint16_t n, room;
};

enum { NAMES_MAX = 8192 /* of one session */ };

void names_fini(struct names *t);
/* NULL: not known. */
struct name *names_find(const struct names *t, uint64_t seed, enum name_kind kind, uint64_t id);
/*
 * Sets or replaces; *grown is how many bytes more are in use (or fewer). `room`: bytes it may grow. False: no room for it.
 */
bool names_set(struct names *t, uint64_t seed, struct name entry, struct str text, int64_t room,
               int64_t *grown);
/* Bytes in use. */
size_t names_bytes(const struct names *t);
/* The name as an id of `strings`. */
uint32_t names_intern(struct name *n, struct intern *strings);
