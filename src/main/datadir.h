/*
 * datadir: the directory of an installation's data: its mode, format version and locks; small files in it.
 *
 * One thread. A lock is the kernel's (it goes with its process); the file also holds the pid, for messages.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Names of AS that `weir asns update` fetched. */
#define ASNS_FILE "asns.csv"

/* Makes it (0700, with parents) or checks it: writable, and of a format version this program knows. */
bool datadir_open(const char *dir, struct err *e);
/* For tools that change what is there: whether it is a data directory, which they do not make. */
bool datadir_known(const char *dir, struct err *e);
/* For tools that begin with what is there: a data directory, or one made of a folder that is empty or missing (*made). */
bool datadir_claim(const char *dir, bool *made, struct err *e);
/* Locks DIR/NAME.lock until the process ends. False with the holder's pid in the message. */
bool datadir_lock(const char *dir, const char *name, struct err *e);
/* Whether it could be locked now; the same message when not. */
bool datadir_unlocked(const char *dir, const char *name, struct err *e);
/* Replaces DIR/NAME (sub folders are made) as a whole, mode 0600, durable; root's writing leaves it to the directory's owner. */
bool datadir_write(const char *dir, const char *name, struct str text, struct err *e);
/* False without a message when there is no such file (e->msg empty). */
bool datadir_read(const char *dir, const char *name, struct buf *out, struct err *e);
/* DIR/NAME's text, made of 32 random characters when there is none; in the arena. NULL on error. */
const char *datadir_secret(const char *dir, const char *name, struct arena *a, struct err *e);
