/*
 * confine: what files this thread, and all threads it starts from now on, may touch: Landlock, no root needed.
 *
 * Cannot be undone. Threads that already run are not affected.
 */
#pragma once
#include "base/err.h"

/*
 * `writable` may be read, written and made in; each of `readable` (NULL-terminated; absent ones are left out) may be
 * read, below it too. Listening and connecting stay as they are. False where the kernel does not offer it.
 */
bool confine_files(const char *writable, const char *const *readable, struct err *e);
