/* A counter under a lock. */
#include "store/embedded/gate.h"
#include <time.h>

enum { WAIT_S = 20 };

void gate_init(struct gate *g, unsigned n)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->free, NULL);
    g->left = n;
}

void gate_fini(struct gate *g)
{
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->free);
}

bool gate_enter(struct gate *g)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    int rc = 0;
    pthread_mutex_lock(&g->lock);
    while (g->left == 0 && !g->closed && rc == 0)
        rc = pthread_cond_timedwait(&g->free, &g->lock, &until);
    bool in = g->left > 0 && !g->closed;
    g->left -= in;
    pthread_mutex_unlock(&g->lock);
    return in;
}

void gate_leave(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->left++;
    pthread_cond_signal(&g->free);
    pthread_mutex_unlock(&g->lock);
}

void gate_close(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->closed = true;
    pthread_cond_broadcast(&g->free);
    pthread_mutex_unlock(&g->lock);
}
