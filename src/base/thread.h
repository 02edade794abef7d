/* thread: threads with a name each, by which `top -H`, `ps -L` and perf tell them apart. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

/* The name is cut at 15 bytes, the kernel's limit. False, with errno, when the system gives no thread. */
__attribute__((format(printf, 4, 5))) bool thread_start(pthread_t *t, void *(*run)(void *), void *arg,
                                                        const char *name, ...);
