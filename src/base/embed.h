/* embed: files carried inside of the program (tools/embed makes the tables). Constant data. */
#pragma once
#include "base/str.h"

struct embed {
    const char *path; /* relative, "assets/index-abc.js" */
    const char *type; /* Content-Type */
    const char *etag;
    struct str data;
    struct str gzip; /* empty when it would not be smaller */
};

/* The built page; none when the program was built without it. */
extern const struct embed web_files[];
extern const size_t web_files_n;
/* The documentation: Markdown and pictures. */
extern const struct embed doc_files[];
extern const size_t doc_files_n;

static inline const struct embed *embed_find(const struct embed *files, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}
