/* status: HTTP status of a ClickHouse exception, by its code, as ClickHouse's own server chooses it. Pure. */
#pragma once

int status_of(int code);
