/* migrate_table: one table of the plan: made, or changed where it differs. Part of migrate; same thread. */
#pragma once
#include "orch/migrate.h"
#include <jansson.h>

struct migration {
    struct ch *ch;
    struct tables_plan plan;
    struct migrate_result *r;
};

/* Rows of text, as JSON arrays; empty after a failure (m->r). The caller's to release. */
json_t *migrate_ask(struct migration *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *migrate_cell(const json_t *row, size_t i);
/* Counts; executes when needed and nothing failed before. */
void migrate_step(struct migration *m, bool needed, const char *what, struct str sql);
/* What differs and cannot be changed. */
void migrate_note(struct migration *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Creates, adds and changes. */
void migrate_table(struct migration *m, const struct tables_table *t);
/* Drops columns and indexes that are no longer wanted, once no view names them. */
void migrate_table_drops(struct migration *m, const struct tables_table *t);
