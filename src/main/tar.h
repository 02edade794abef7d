/* tar: a file within an archive in memory (POSIX.1-1988 ustar); names in the archive are looked at, never used as paths. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/*
 * The first regular file whose name ends so; its bytes are the archive's. False with the reason when there is none, and
 * when the archive is cut off or damaged before its end.
 */
bool tar_find(struct str tar, const char *ending, struct str *file, struct err *e);
