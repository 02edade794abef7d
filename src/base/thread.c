/* pthread_create, then the name: a thread that has ended by then needs none. */
#include "base/thread.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool thread_start(pthread_t *t, void *(*run)(void *), void *arg, const char *name, ...)
{
    char text[16];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    errno = pthread_create(t, NULL, run, arg);
    if (errno != 0)
        return false;
    pthread_setname_np(*t, text);
    return true;
}
