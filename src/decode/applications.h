/*
 * applications: element 95 (RFC 6759): a classification engine and its number for an application; names come by options.
 *
 * Any thread.
 */
#pragma once
#include "decode/plan.h"

/* What applications are remembered by: the engine in the upper byte, the selector below. */
uint64_t applications_key(struct str id);
/* "3:443": the engine's number and the selector's; what an application is called that has no name. */
struct str applications_format(struct str id, char room[64]);

plan_fn applications_name, applications_category, applications_subcategory, applications_group;
