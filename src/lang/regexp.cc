/* RE2 behind C functions; no exception leaves, since RE2 throws none and memory that runs out ends the process anyway. */
#include "lang/regexp.h"
#include <re2/re2.h>
#include <cstdio>
#include <string>
#include <vector>

struct regexp {
    re2::RE2 re;
    regexp(const std::string &pattern, const re2::RE2::Options &o) : re(pattern, o)
    {
    }
};

namespace
{

enum { MEMORY = 1 << 20, GROUPS_MAX = 64 };

re2::StringPiece piece(struct str s)
{
    return re2::StringPiece(s.p, s.len);
}

/* Go knows groups as (?<name>...) too; this version of the library knows only (?P<name>...). */
std::string modern(struct str pattern)
{
    std::string out;
    bool escaped = false, in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.p[i];
        out += c;
        if (escaped || c == '\\') {
            escaped = !escaped;
            continue;
        }
        if (c == '[')
            in_class = true;
        else if (c == ']')
            in_class = false;
        else if (c == '(' && !in_class && i + 3 < pattern.len && pattern.p[i + 1] == '?' &&
                 pattern.p[i + 2] == '<' && pattern.p[i + 3] != '=' && pattern.p[i + 3] != '!') {
            out += "?P";
            i++;
        }
    }
    return out;
}

/* The bytes of the name at the template's start. */
size_t name_length(struct str t)
{
    static const re2::RE2 name("^[\\pL\\p{Nd}_]+");
    re2::StringPiece found;
    return name.Match(piece(t), 0, t.len, re2::RE2::UNANCHORED, &found, 1) ? found.size() : 0;
}

/* Number of the group, -1: there is none. */
int group_of(const regexp *r, struct str name)
{
    bool digits = true;
    long n = 0;
    for (size_t i = 0; i < name.len; i++) {
        digits &= name.p[i] >= '0' && name.p[i] <= '9';
        n = digits && n < 100000 ? n * 10 + (name.p[i] - '0') : n;
    }
    if (digits)
        return n > r->re.NumberOfCapturingGroups() || (name.len > 1 && name.p[0] == '0') ? -1 : (int)n;
    const auto &names = r->re.NamedCapturingGroups();
    auto at = names.find(std::string(name.p, name.len));
    return at == names.end() ? -1 : at->second;
}

/* Takes $name, ${name} or $$ from the template's front; false: the $ stands for itself. */
bool take_group(struct str *t, struct str *name)
{
    struct str rest = {t->p + 1, t->len - 1};
    bool braces = rest.len && rest.p[0] == '{';
    if (braces)
        rest = {rest.p + 1, rest.len - 1};
    size_t n = name_length(rest);
    if (n == 0 || (braces && (n == rest.len || rest.p[n] != '}')))
        return false;
    *name = {rest.p, n};
    n += braces;
    *t = {rest.p + n, rest.len - n};
    return true;
}

} // namespace

struct regexp *regexp_new(struct str pattern, char *why, size_t room)
{
    re2::RE2::Options o;
    if (pattern.len > REGEXP_MAX_LEN) {
        std::snprintf(why, room, "longer than %d bytes", (int)REGEXP_MAX_LEN);
        return nullptr;
    }
    o.set_log_errors(false);
    o.set_max_mem(MEMORY);
    struct regexp *r = new regexp(modern(pattern), o);
    bool many = r->re.ok() && r->re.NumberOfCapturingGroups() >= GROUPS_MAX;
    if (r->re.ok() && !many)
        return r;
    std::snprintf(why, room, "%s", many ? "too many groups" : r->re.error().c_str());
    delete r;
    return nullptr;
}

void regexp_free(struct regexp *r)
{
    delete r;
}

size_t regexp_size(const struct regexp *r)
{
    return (size_t)r->re.ProgramSize();
}

bool regexp_match(const struct regexp *r, struct str text)
{
    return r->re.Match(piece(text), 0, text.len, re2::RE2::UNANCHORED, nullptr, 0);
}

bool regexp_expand(const struct regexp *r, struct str text, struct str t, struct buf *out)
{
    re2::StringPiece groups[GROUPS_MAX];
    int n = r->re.NumberOfCapturingGroups() + 1;
    if (!r->re.Match(piece(text), 0, text.len, re2::RE2::UNANCHORED, groups, n))
        return false;
    while (t.len) {
        struct str name;
        int group;
        if (t.p[0] != '$') {
            buf_u8(out, (uint8_t)t.p[0]);
            t = {t.p + 1, t.len - 1};
        } else if (t.len > 1 && t.p[1] == '$') {
            buf_u8(out, '$');
            t = {t.p + 2, t.len - 2};
        } else if (!take_group(&t, &name)) {
            buf_u8(out, '$');
            t = {t.p + 1, t.len - 1};
        } else if ((group = group_of(r, name)) >= 0 && groups[group].data()) {
            buf_add(out, groups[group].data(), groups[group].size());
        }
    }
    return true;
}
