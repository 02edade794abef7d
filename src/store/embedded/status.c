/* Codes by the status they lead to; everything else is 500. */
#include "store/embedded/status.h"
#include <stddef.h>

/* what the statement or its data says cannot be understood */
static const int bad_request[] = {6,   25,  26,  27,  36,  38,  41,  42,  43,  44,  53,  62,  69,  72, 117,
                                  130, 168, 167, 223, 376, 386, 407, 427, 441, 443, 456, 457, 675, 676};
/* it names something that is not there */
static const int not_found[] = {16, 46, 47, 50, 56, 60, 63, 73, 78, 81, 110, 115, 119, 336};
static const int forbidden[] = {192, 193, 512, 516};

static int among(int code, const int *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] == code)
            return 1;
    return 0;
}
#define AMONG(code, codes) among(code, codes, sizeof(codes) / sizeof *(codes))

int status_of(int code)
{
    if (AMONG(code, bad_request))
        return 400;
    if (AMONG(code, not_found))
        return 404;
    if (AMONG(code, forbidden))
        return 403;
    switch (code) {
    case 194: /* REQUIRED_PASSWORD */
        return 401;
    case 159: /* TIMEOUT_EXCEEDED */
        return 408;
    case 381: /* HTTP_LENGTH_REQUIRED */
        return 411;
    case 48: /* NOT_IMPLEMENTED */
        return 501;
    case 209: /* SOCKET_TIMEOUT */
    case 439: /* CANNOT_SCHEDULE_TASK */
        return 503;
    default:
        return 500;
    }
}
