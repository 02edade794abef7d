/* Tables of the shared blocks. */
#include "conf/shared.h"
#include "base/log.h"
#include "net/http_listen.h"

static const struct opt tls_rows[] = {
    {"enable", OPT_BOOL, OPT_AT(struct tls_conf, enable), .def = "false", .help = "Use TLS."},
    {"skip-verify", OPT_BOOL, OPT_AT(struct tls_conf, skip_verify), .def = "false",
     .help = "Do not check the other side's certificate."},
    {"ca-file", OPT_STRING, OPT_AT(struct tls_conf, ca_file),
     .help = "Certificates to trust (PEM); those of the system when empty."},
    {"cert-file", OPT_STRING, OPT_AT(struct tls_conf, cert_file), .help = "Our certificate (PEM)."},
    {"key-file", OPT_STRING, OPT_AT(struct tls_conf, key_file),
     .help = "Key of our certificate; in the certificate's file when empty."},
};

static bool tls_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct tls_conf *t = conf;
    if (*t->key_file && !*t->cert_file) {
        *bad_key = "key-file";
        return err_set(e, "a key without a certificate: cert-file is missing");
    }
    return true;
}

const struct opt_table tls_table =
    OPT_TABLE("TLS", struct tls_conf, tls_rows, .check = tls_check, .help = "TLS as a client.");

static const struct opt_choice cache_types[] = {
    {"memory", CACHE_MEMORY, "in this process"},
    {"redis", CACHE_REDIS, "in a Redis or Valkey server", OPT_LATER},
    {NULL}};

static const struct opt cache_rows[] = {
    {"type", OPT_ENUM, OPT_AT(struct conf_cache, type), .def = "memory", .choices = cache_types,
     .help = "Where answers are kept."},
    {"protocol", OPT_STRING, OPT_AT(struct conf_cache, protocol), .def = "tcp", .only = "redis",
     .flags = OPT_LATER, .help = "`tcp` or `unix`."},
    {"server", OPT_STRING, OPT_AT(struct conf_cache, server), .def = "127.0.0.1:6379", .only = "redis",
     .flags = OPT_LATER | OPT_ADDRESS, .help = "Address of the server, or path of its socket."},
    {"username", OPT_STRING, OPT_AT(struct conf_cache, username), .only = "redis", .flags = OPT_LATER,
     .help = "User at the server."},
    {"password", OPT_SECRET, OPT_AT(struct conf_cache, password), .only = "redis", .flags = OPT_LATER,
     .help = "Password at the server."},
    {"db", OPT_INT, OPT_AT(struct conf_cache, db), .def = "0", .only = "redis", .flags = OPT_LATER,
     .help = "Number of the database."},
};
static const struct opt_table cache_table = OPT_TABLE("cache", struct conf_cache, cache_rows);

static const struct opt http_rows[] = {
    {"listen", OPT_STRING, OPT_AT(struct conf_http, listen), .def = "127.0.0.1:8080",
     .help = "Address and port to listen on; `:8080` means all addresses."},
    {"hosts", OPT_LIST, OPT_AT(struct conf_http, hosts), .item = OPT_STRING,
     .help =
         "Names by which browsers reach this, as behind a reverse proxy that passes them on. When it listens "
         "on "
         "loopback, other names than these and localhost are refused (DNS rebinding); addresses never are."},
    {"profiler", OPT_BOOL, OPT_AT(struct conf_http, profiler), .def = "true", .flags = OPT_LATER,
     .help = "Offer the profiler."},
    {"cache", OPT_STRUCT, OPT_AT(struct conf_http, cache), .sub = &cache_table,
     .help = "Cache of answers (console)."},
};

static bool http_check(const void *conf, const char **bad_key, struct err *e)
{
    *bad_key = "listen";
    return http_listen_check(((const struct conf_http *)conf)->listen, e);
}

const struct opt_table conf_http_table =
    OPT_TABLE("HTTP", struct conf_http, http_rows, .check = http_check, .help = "The HTTP server of a role.");

static const struct opt_choice levels[] = {
    {"debug", LOG_DEBUG, "all there is to say"},  {"info", LOG_INFO, "what happens"},
    {"warn", LOG_WARN, "what should not happen"}, {"warning", LOG_WARN, "the same as warn"},
    {"error", LOG_ERROR, "what failed"},          {NULL}};
static const struct opt_choice formats[] = {{"text", LOG_FORMAT_TEXT, "key=value pairs"},
                                            {"json", LOG_FORMAT_JSON, "a JSON object on each line"},
                                            {NULL}};

static const struct opt logging_rows[] = {
    {"level", OPT_ENUM,
     offsetof(struct conf_reporting, logging.level) - offsetof(struct conf_reporting, logging), .def = "info",
     .choices = levels, .flags = OPT_RELOAD, .help = "What is logged: this and worse."},
    {"format", OPT_ENUM,
     offsetof(struct conf_reporting, logging.format) - offsetof(struct conf_reporting, logging),
     .def = "text", .choices = formats, .flags = OPT_RELOAD, .help = "How lines of the log look."},
};
static const struct opt_table logging_table = {.name = "logging",
                                               .rows = logging_rows,
                                               .n = sizeof logging_rows / sizeof *logging_rows,
                                               .size = sizeof(((struct conf_reporting *)0)->logging)};

static const struct opt reporting_rows[] = {
    {"logging", OPT_STRUCT, OPT_AT(struct conf_reporting, logging), .sub = &logging_table,
     .flags = OPT_RELOAD, .help = "The log on standard error."},
    {"metrics", OPT_MAP, OPT_AT(struct conf_reporting, logging), .item = OPT_STRING, .flags = OPT_OLD,
     .help = "metrics have no options"},
};
const struct opt_table conf_reporting_table =
    OPT_TABLE("reporting", struct conf_reporting, reporting_rows, .help = "Logs and metrics.");

static const struct opt_choice mechanisms[] = {{"none", SASL_NONE, ""},
                                               {"plain", SASL_PLAIN, ""},
                                               {"scram-sha256", SASL_SCRAM_SHA256, ""},
                                               {"scram-sha512", SASL_SCRAM_SHA512, ""},
                                               {"oauth", SASL_OAUTH, ""},
                                               {NULL}};

static const struct opt sasl_rows[] = {
    {"username", OPT_STRING, OPT_AT(struct conf_sasl, username), .help = "User, or client id for oauth."},
    {"password", OPT_SECRET, OPT_AT(struct conf_sasl, password),
     .help = "Password, or client secret for oauth."},
    {"mechanism", OPT_ENUM, OPT_AT(struct conf_sasl, mechanism), .def = "none", .choices = mechanisms,
     .aka = "algorithm", .help = "How to authenticate."},
    {"oauth-token-url", OPT_STRING, OPT_AT(struct conf_sasl, oauth_token_url), .flags = OPT_ADDRESS,
     .help = "Where to get tokens for oauth."},
    {"oauth-scopes", OPT_LIST, OPT_AT(struct conf_sasl, oauth_scopes), .item = OPT_STRING,
     .help = "Scopes to ask for."},
};

static bool sasl_check(const void *conf, const char **bad_key, struct err *e)
{
    const struct conf_sasl *s = conf;
    *bad_key = "mechanism";
    if (s->mechanism == SASL_NONE && *s->username)
        return err_set(e, "there is a username, so say which mechanism to use");
    if (s->mechanism == SASL_OAUTH && !*s->oauth_token_url)
        return err_set(e, "oauth needs oauth-token-url");
    return true;
}

const struct opt_table conf_sasl_table = OPT_TABLE("SASL", struct conf_sasl, sasl_rows, .check = sasl_check,
                                                   .help = "Authentication at Kafka brokers.");

static const struct opt kafka_rows[] = {CONF_KAFKA_ROWS(
    struct { struct conf_kafka c; }, c, "flows")};
const struct opt_table conf_kafka_table =
    OPT_TABLE("Kafka connection", struct conf_kafka, kafka_rows, .help = "Connection to Kafka.");
