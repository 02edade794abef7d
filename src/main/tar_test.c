/* Archives as tar makes them, and as nobody should. */
#include "main/tar.h"
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BLOCK = 512 };

static void set_sum(char *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
}

/* A header with this text as size, and the content. */
static void add_raw(struct buf *b, const char *name, char type, const char *size, struct str content)
{
    char header[BLOCK] = {0};
    memcpy(header, name, strnlen(name, 100));
    memcpy(header + 124, size, strnlen(size, 12));
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    set_sum(header);
    buf_add(b, header, BLOCK);
    buf_str_add(b, content);
    buf_zero(b, (BLOCK - content.len % BLOCK) % BLOCK);
}

static void add(struct buf *b, const char *name, char type, const char *content)
{
    char size[20];
    snprintf(size, sizeof size, "%011o", (unsigned)strlen(content));
    add_raw(b, name, type, size, str_from(content));
}

static void end(struct buf *b)
{
    buf_zero(b, 2 * BLOCK);
}

/* What is found in it, or why nothing is. */
static const char *found(const struct buf *b)
{
    static char text[1100];
    struct str file;
    struct err e = {0};
    if (tar_find(buf_str(b), ".mmdb", &file, &e))
        snprintf(text, sizeof text, "= %.*s", STR_ARG(file));
    else
        snprintf(text, sizeof text, "%s", e.msg);
    return text;
}

static void the_file_is_found(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    add(&b, "GeoLite2-City_20240102/", '5', "");
    add(&b, "GeoLite2-City_20240102/COPYRIGHT.txt", '0', "of somebody");
    add(&b, "pax", 'x', "30 mtime=1704153600.123456789\n");
    add(&b, "link.mmdb", '2', "");
    add(&b, "folder.mmdb", '5', "");
    add(&b, "GeoLite2-City_20240102/GeoLite2-City.mmdb", '0', "the database");
    add(&b, "second.mmdb", '0', "another");
    end(&b);
    assert_string_equal(found(&b), "= the database");
    buf_reset(&b);
    add(&b, "old.mmdb", 0, "before POSIX");
    assert_string_equal(found(&b), "= before POSIX"); /* the end of the archive is not needed any more */
    buf_reset(&b);
    add(&b, "empty.mmdb", '0', "");
    end(&b);
    assert_string_equal(found(&b), "= ");
    buf_reset(&b);
    add(&b, "../../../etc/x.mmdb", '0', "only a name"); /* nobody writes to it */
    assert_string_equal(found(&b), "= only a name");
    buf_reset(&b);
    char name[101];
    snprintf(name, sizeof name, "%095d.mmdb", 1); /* the whole field, with no end */
    add(&b, name, '0', "long");
    assert_string_equal(found(&b), "= long");
    buf_fini(&b);
}

static void without_it_the_reason_is_said(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    assert_string_equal(found(&b), "the archive is cut off");
    end(&b);
    assert_string_equal(found(&b), "there is no .mmdb in the archive");
    buf_reset(&b);
    add(&b, "readme.txt", '0', "text");
    assert_string_equal(found(&b), "the archive is cut off");
    end(&b);
    assert_string_equal(found(&b), "there is no .mmdb in the archive");
    buf_reset(&b);
    for (int i = 0; i < 40; i++)
        buf_z(&b, "<html><body>Quota exceeded</body></html>");
    assert_string_equal(found(&b), "this is no tar archive, or damaged");
    buf_fini(&b);
}

static void cut_anywhere_it_is_refused(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    add(&b, "first.txt", '0', "some text that fills a part of a block");
    add(&b, "second.mmdb", '0', "the database");
    size_t whole = 3 * BLOCK + strlen("the database");
    for (size_t len = 0; len < whole; len++) {
        struct str file;
        struct err e = {0};
        char *copy = malloc(len + 1); /* its bounds are watched by the sanitizer */
        memcpy(copy, b.p, len);
        assert_false(tar_find((struct str){copy, len}, ".mmdb", &file, &e));
        assert_string_equal(e.msg, "the archive is cut off");
        free(copy);
    }
    b.len = whole;
    assert_string_equal(found(&b), "= the database");
    buf_fini(&b);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *size, *says;
    } bad[] = {{"77777777777", "the archive is cut off"},
               {"777777777777", "the archive is cut off"}, /* all twelve */
               {"00000001001", "the archive is cut off"},  /* one byte more than there is */
               {"-0000000001", "this is no tar archive, or damaged"},
               {"00000000x", "this is no tar archive, or damaged"},
               {"00000000089", "this is no tar archive, or damaged"},
               {"", "this is no tar archive, or damaged"},
               {"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "this is no tar archive, or damaged"},
               {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "this is no tar archive, or damaged"}};
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int named = 0; named < 2; named++) {
            buf_reset(&b);
            add_raw(&b, named ? "x.mmdb" : "x.txt", '0', bad[i].size, STR("512 bytes"));
            assert_string_equal(found(&b), bad[i].says);
        }
    buf_fini(&b);
}

static void a_changed_header_is_seen(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    add(&b, "x.mmdb", '0', "data");
    for (size_t i = 1; i < BLOCK; i++) {
        if (i >= 148 && i < 156)
            continue;
        b.p[i] ^= 1;
        assert_string_equal(found(&b), "this is no tar archive, or damaged");
        b.p[i] ^= 1;
    }
    assert_string_equal(found(&b), "= data");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_found),          cmocka_unit_test(without_it_the_reason_is_said),
        cmocka_unit_test(cut_anywhere_it_is_refused), cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(a_changed_header_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
