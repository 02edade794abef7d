/* Where a MySQL database is: what is understood, and what is said of the rest. */
#include "api/mysql_dsn.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void good_ones_are_understood(void **state)
{
    static const struct {
        const char *dsn, *user, *password, *host, *socket, *database;
        unsigned port;
    } cases[] = {
        {"weir:secret@tcp(db.example.net:3307)/flows", "weir", "secret", "db.example.net", NULL, "flows",
         3307},
        {"weir:secret@tcp(192.0.2.1)/flows?parseTime=true", "weir", "secret", "192.0.2.1", NULL, "flows",
         3306},
        {"weir@tcp([2001:db8::1]:65535)/flows", "weir", "", "2001:db8::1", NULL, "flows", 65535},
        {"weir:@tcp([::1])/flows", "weir", "", "::1", NULL, "flows", 3306},
        {"weir:a:b@c/d?(e)@tcp(h:1)/flows", "weir", "a:b@c/d?(e)", "h", NULL, "flows", 1},
        {"weir:secret@unix(/run/mysqld/mysqld.sock)/flows", "weir", "secret", NULL, "/run/mysqld/mysqld.sock",
         "flows", 0},
        {"weir:secret@/flows", "weir", "secret", "127.0.0.1", NULL, "flows", 3306},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct mysql_dsn got;
        struct err e;
        arena_init(&a);
        if (!mysql_dsn_parse(&a, cases[i].dsn, &got, &e))
            fail_msg("%s: %s", cases[i].dsn, e.msg);
        assert_string_equal(got.user, cases[i].user);
        assert_string_equal(got.password, cases[i].password);
        assert_string_equal(got.host ? got.host : "none", cases[i].host ? cases[i].host : "none");
        assert_string_equal(got.socket ? got.socket : "none", cases[i].socket ? cases[i].socket : "none");
        assert_string_equal(got.database, cases[i].database);
        assert_int_equal(got.port, cases[i].port);
        arena_fini(&a);
    }
}

static void bad_ones_have_a_reason_without_the_password(void **state)
{
    static const char shape[] = "expected user:password@tcp(host:port)/database";
    static const char port[] = "the port is not a number from 1 to 65535";
    static const struct {
        const char *dsn, *says;
    } cases[] = {
        {"", shape},
        {"nonsense", shape},
        {"weir:secret@tcp(h:3306)", shape},
        {"tcp(h:3306)/flows", shape},
        {"weir:secret@tcp(h:3306/flows", shape},
        {"weir:secret@h:3306/flows", shape},
        {"weir:secret@udp(h:3306)/flows", shape},
        {"weir:secret@tcp([::1]3306)/flows", shape},
        {"weir:secret@tcp(h)/flows?loc=Europe/Paris", shape}, /* the last "/" counts, as in Go's library */
        {"weir:secret@tcp(h:0)/flows", port},
        {"weir:secret@tcp(h:65536)/flows", port},
        {"weir:secret@tcp(h:4294970602)/flows", port}, /* 3306, were it cut to 32 bits */
        {"weir:secret@tcp(h:-1)/flows", port},
        {"weir:secret@tcp(h:33o6)/flows", port},
        {"weir:secret@tcp(h: 3306)/flows", port},
        {"weir:secret@tcp(h:)/flows", port},
        {"weir:secret@tcp([::1]:)/flows", port},
        {"weir:secret@tcp(::1)/flows", "stands in brackets"},
        {"weir:secret@tcp(2001:db8::1:3306)/flows", "stands in brackets"},
        {"weir:secret@tcp([::1)/flows", "no ] behind it"},
        {"weir:secret@tcp(:3306)/flows", "no host"},
        {"weir:secret@tcp()/flows", "no host"},
        {"weir:secret@tcp([])/flows", "no host"},
        {"weir:secret@unix()/flows", "no socket"},
        {"weir:secret@tcp(h:3306)/", "no database"},
        {"weir:secret@tcp(h:3306)/?a=b", "no database"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct mysql_dsn got;
        struct err e;
        arena_init(&a);
        if (mysql_dsn_parse(&a, cases[i].dsn, &got, &e))
            fail_msg("%s is taken", cases[i].dsn);
        if (!strstr(e.msg, cases[i].says) || strstr(e.msg, "secret"))
            fail_msg("%s: %s", cases[i].dsn, e.msg);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_understood),
        cmocka_unit_test(bad_ones_have_a_reason_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
