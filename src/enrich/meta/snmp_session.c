/*
 * net-snmp would read its own configuration, keep state in files, look up names, print to stderr, repeat and wait: all
 * of it is turned off. A session's socket is connected to the agent, so that the kernel leaves out what others send and
 * says when nothing listens; with check-source off it is not.
 */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/library/large_fd_set.h>

#include "enrich/meta/snmp_session.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

enum { NEVER_US = 1800 * 1000000, KEYS_MOST = 256 };

void snmp_session_setup(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    setenv("MIBS", "", 1); /* no names of objects: none is shown */
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_LOAD_HOST_FILES, 1);
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, "");
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_PERSISTENT_DIR, "/dev/null/none");
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
    init_snmp("weir");
}

/* ---- protocols and keys of SNMPv3 */

static const int auth_types[] = {
    [AUTH_MD5] = NETSNMP_USMAUTH_HMACMD5,          [AUTH_SHA] = NETSNMP_USMAUTH_HMACSHA1,
    [AUTH_SHA224] = NETSNMP_USMAUTH_HMAC128SHA224, [AUTH_SHA256] = NETSNMP_USMAUTH_HMAC192SHA256,
    [AUTH_SHA384] = NETSNMP_USMAUTH_HMAC256SHA384, [AUTH_SHA512] = NETSNMP_USMAUTH_HMAC384SHA512,
};

static const int priv_types[] = {
    [PRIV_DES] = USM_CREATE_USER_PRIV_DES,
    [PRIV_AES] = USM_CREATE_USER_PRIV_AES,
    [PRIV_AES192] = USM_CREATE_USER_PRIV_AES192,
    [PRIV_AES256] = USM_CREATE_USER_PRIV_AES256,
    [PRIV_AES192_C] = USM_CREATE_USER_PRIV_AES192_CISCO,
    [PRIV_AES256_C] = USM_CREATE_USER_PRIV_AES256_CISCO,
};

struct snmp_keys {
    struct {
        XXH128_hash_t of; /* protocols and passphrases: a reload may put others at the same address */
        uint8_t auth[USM_AUTH_KU_LEN], priv[USM_PRIV_KU_LEN];
        size_t auth_len, priv_len;
    } rows[KEYS_MOST];
    unsigned n, next;
};

struct snmp_keys *snmp_keys_new(void)
{
    return xcalloc(1, sizeof(struct snmp_keys));
}

void snmp_keys_free(struct snmp_keys *k)
{
    if (!k)
        return;
    explicit_bzero(k, sizeof *k);
    free(k);
}

static bool make_key(oid *hash, size_t hash_len, const char *passphrase, uint8_t *out, size_t *len,
                     struct err *e)
{
    return generate_Ku(hash, (u_int)hash_len, (const u_char *)passphrase, strlen(passphrase), out, len) ==
               SNMPERR_SUCCESS ||
           err_set(e, "no key can be made of the passphrase");
}

static XXH128_hash_t hash_of(const struct enrich_snmp_credentials *c)
{
    XXH3_state_t *h = XXH3_createState();
    XXH3_128bits_reset(h);
    XXH3_128bits_update(h, &c->auth, sizeof c->auth);
    XXH3_128bits_update(h, &c->priv, sizeof c->priv);
    XXH3_128bits_update(h, c->auth_passphrase, strlen(c->auth_passphrase) + 1);
    XXH3_128bits_update(h, c->priv_passphrase, strlen(c->priv_passphrase) + 1);
    XXH128_hash_t out = XXH3_128bits_digest(h);
    XXH3_freeState(h);
    return out;
}

static bool set_keys(netsnmp_session *s, struct snmp_keys *k, const struct enrich_snmp_credentials *c,
                     struct err *e)
{
    const XXH128_hash_t of = hash_of(c);
    unsigned i = 0;
    while (i < k->n && !XXH128_isEqual(k->rows[i].of, of))
        i++;
    if (i == k->n) {
        i = k->n < KEYS_MOST ? k->n : k->next++ % KEYS_MOST;
        k->rows[i].of = (XXH128_hash_t){0};
        k->rows[i].auth_len = sizeof k->rows[i].auth;
        k->rows[i].priv_len = sizeof k->rows[i].priv;
        oid *hash = s->securityAuthProto;
        size_t n = s->securityAuthProtoLen;
        if (!make_key(hash, n, c->auth_passphrase, k->rows[i].auth, &k->rows[i].auth_len, e) ||
            (c->priv != PRIV_NONE &&
             !make_key(hash, n, c->priv_passphrase, k->rows[i].priv, &k->rows[i].priv_len, e)))
            return false;
        k->rows[i].of = of;
        k->n += i == k->n;
    }
    memcpy(s->securityAuthKey, k->rows[i].auth, k->rows[i].auth_len);
    s->securityAuthKeyLen = k->rows[i].auth_len;
    if (c->priv != PRIV_NONE) {
        memcpy(s->securityPrivKey, k->rows[i].priv, k->rows[i].priv_len);
        s->securityPrivKeyLen = k->rows[i].priv_len;
    }
    return true;
}

/* Copies what the session points to; net-snmp frees it with its own copy of the session. */
static bool set_v3(netsnmp_session *s, struct snmp_keys *k, const struct snmp_session_conf *conf,
                   struct err *e)
{
    const struct enrich_snmp_credentials *c = conf->credentials;
    s->version = SNMP_VERSION_3;
    s->flags |= SNMP_FLAGS_DONT_PROBE;
    s->securityModel = SNMP_SEC_MODEL_USM;
    s->securityLevel = c->priv != PRIV_NONE   ? SNMP_SEC_LEVEL_AUTHPRIV
                       : c->auth != AUTH_NONE ? SNMP_SEC_LEVEL_AUTHNOPRIV
                                              : SNMP_SEC_LEVEL_NOAUTH;
    if (c->auth != AUTH_NONE &&
        !(s->securityAuthProto = sc_get_auth_oid(auth_types[c->auth], &s->securityAuthProtoLen)))
        return err_set(e, "net-snmp was built without that authentication protocol");
    if (c->priv != PRIV_NONE &&
        !(s->securityPrivProto = sc_get_priv_oid(priv_types[c->priv], &s->securityPrivProtoLen)))
        return err_set(e, "net-snmp was built without that privacy protocol");
    return c->auth == AUTH_NONE || set_keys(s, k, c, e);
}

/*
 * net-snmp has one user of a name for each engine, whatever the session. Two exporters may lead to one engine, or to two
 * with the same id (cloned machines), with other passphrases: so a session puts its own user in place whenever it sends
 * or reads. That is a look-up in a list and two short hashes.
 */
static void drop_user(netsnmp_session *s)
{
    struct usmUser *old = usm_get_user(s->securityEngineID, s->securityEngineIDLen, s->securityName);
    if (!old)
        return;
    usm_remove_user(old);
    old->next = old->prev = NULL;
    usm_free_user(old);
}

static bool claim_user(netsnmp_session *s)
{
    drop_user(s);
    s->flags &= ~(u_long)SNMP_FLAGS_USER_CREATED;
    return usm_create_user_from_session(s) == SNMPERR_SUCCESS;
}

static bool claim(struct snmp_session_link *l)
{
    return l->version != SNMP_LINK_V3 || claim_user(snmp_sess_session(l->session));
}

void snmp_session_clock(struct str engine, uint32_t boots, uint32_t time_s)
{
    if (boots || time_s)
        set_enginetime((const u_char *)engine.p, (u_int)engine.len, boots, time_s, TRUE);
}

/* ---- sockets */

static socklen_t address(struct ip ip, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (ip_is_v4(ip)) {
        struct sockaddr_in *a = (struct sockaddr_in *)out;
        a->sin_family = AF_INET;
        a->sin_port = htons(port);
        memcpy(&a->sin_addr, ip.b + 12, 4);
        return sizeof *a;
    }
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(port);
    memcpy(&a->sin6_addr, ip.b, 16);
    return sizeof *a;
}

int snmp_session_socket(struct ip agent, uint16_t port, bool check_source, struct err *e)
{
    struct sockaddr_storage to;
    socklen_t len = address(agent, port, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (!check_source || connect(fd, (struct sockaddr *)&to, len) == 0))
        return fd;
    err_errno(e, "no way to the agent");
    if (fd >= 0)
        close(fd);
    return -1;
}

bool snmp_session_packet(int fd, struct ip agent, uint16_t port, struct str packet, struct err *e)
{
    struct sockaddr_storage to;
    socklen_t len = address(agent, port, &to);
    return sendto(fd, packet.p, packet.len, MSG_DONTWAIT, (struct sockaddr *)&to, len) ==
               (ssize_t)packet.len ||
           errno == ECONNREFUSED || err_errno(e, "cannot send");
}

/* ---- events */

void snmp_session_vars(struct snmp_session_link *l, void *answer)
{
    const netsnmp_pdu *pdu = answer;
    size_t n = 0;
    for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable)
        n++;
    struct walk_var *out = xcalloc(n ? n : 1, sizeof *out);
    l->event.vars = out;
    l->event.n = n;
    for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable, out++) {
        *out = (struct walk_var){.oid = v->name, .oid_len = v->name_length};
        switch (v->type) {
        case ASN_OCTET_STR:
            out->kind = WALK_TEXT;
            out->text = (struct str){(const char *)v->val.string, v->val_len};
            break;
        case ASN_INTEGER:
        case ASN_COUNTER:
        case ASN_GAUGE:
        case ASN_TIMETICKS:
            out->kind = WALK_NUMBER;
            out->number = (uint32_t)*v->val.integer;
            break;
        default:
            break;
        }
    }
}

static const char *report_text(netsnmp_pdu *pdu)
{
    switch (snmpv3_get_report_type(pdu)) {
    case SNMPERR_UNKNOWN_ENG_ID:
        return "the agent has another engine id";
    case SNMPERR_UNKNOWN_USER_NAME:
        return "the agent does not know the user";
    case SNMPERR_UNSUPPORTED_SEC_LEVEL:
        return "the agent wants another security level of this user";
    case SNMPERR_AUTHENTICATION_FAILURE:
        return "wrong authentication passphrase or protocol";
    case SNMPERR_DECRYPTION_ERR:
        return "wrong privacy passphrase or protocol";
    case SNMPERR_NOT_IN_TIME_WINDOW:
        return "the agent's clock does not fit";
    default:
        return "the agent sent a report instead of an answer";
    }
}

static int on_event(int op, netsnmp_session *s, int request, netsnmp_pdu *pdu, void *arg)
{
    struct snmp_session_link *l = arg;
    if (op != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || !pdu || l->seen)
        return 1;
    bool ours = false;
    for (unsigned i = 0; i < l->n_requests && i < SNMP_LINK_REPEATED; i++)
        ours |= l->requests[i] == request;
    ours |= pdu->command == SNMP_MSG_REPORT; /* found by its message's number; the request's may be missing */
    if (!ours)
        return 1;
    l->seen = true;
    if (pdu->command == SNMP_MSG_REPORT) {
        l->event = (struct snmp_event){.kind = SNMP_EVENT_REPORT, .why = report_text(pdu)};
        return 1;
    }
    l->event = (struct snmp_event){.kind = SNMP_EVENT_RESPONSE,
                                   .error = pdu->errstat,
                                   .error_index = pdu->errindex,
                                   .why = pdu->errstat ? snmp_errstring((int)pdu->errstat) : ""};
    l->pdu = snmp_clone_pdu(pdu);
    if (l->pdu)
        snmp_session_vars(l, l->pdu);
    return 1;
}

/* ---- sessions */

bool snmp_session_open(struct snmp_session_link *l, struct snmp_keys *keys, const struct snmp_session_conf *c,
                       struct err *e)
{
    char text[IP_TEXT_MAX], peer[IP_TEXT_MAX + 24];
    const struct enrich_snmp_credentials *cred = c->credentials;
    bool v3 = cred->user_name[0] != 0;
    netsnmp_session s;
    snmp_sess_init(&s);
    *l = (struct snmp_session_link){.version = v3                         ? SNMP_LINK_V3
                                               : cred->version == SNMP_V1 ? SNMP_LINK_V1
                                                                          : SNMP_LINK_V2C};
    ip_format(c->agent, text);
    snprintf(peer, sizeof peer, ip_is_v4(c->agent) ? "udp:%s:%u" : "udp6:[%s]:%u", text, c->port);
    char *user = xstrdup(cred->user_name), *context = xstrdup(cred->context_name);
    char *community = xstrdup(v3 ? "" : *OPT_ITEM(cred->communities, const char *, c->community));
    uint8_t *engine = (uint8_t *)xstrdup("");
    if (c->engine.len) {
        engine = xrealloc(engine, c->engine.len);
        memcpy(engine, c->engine.p, c->engine.len);
    }
    s.peername = peer;
    s.retries = 0;
    s.timeout = NEVER_US; /* who asks knows how long to wait */
    s.callback = on_event;
    s.callback_magic = l;
    bool ok = true;
    if (v3) {
        s.securityName = user;
        s.securityNameLen = strlen(user);
        s.contextName = context;
        s.contextNameLen = strlen(context);
        s.securityEngineID = s.contextEngineID = engine;
        s.securityEngineIDLen = s.contextEngineIDLen = c->engine.len;
        ok = set_v3(&s, keys, c, e);
    } else {
        s.version = cred->version == SNMP_V1 ? SNMP_VERSION_1 : SNMP_VERSION_2c;
        s.community = (u_char *)community;
        s.community_len = strlen(community);
    }
    if (ok && !(l->session = snmp_sess_open(&s)))
        ok = err_set(e, "no way to the agent: %s", snmp_api_errstring(s.s_snmp_errno));
    struct sockaddr_storage to;
    socklen_t len = address(c->agent, c->port, &to);
    if (ok && c->check_source && connect(snmp_session_fd(l), (struct sockaddr *)&to, len) != 0)
        ok = err_errno(e, "no way to the agent");
    free(user);
    free(context);
    free(community);
    free(engine);
    if (!ok)
        snmp_session_close(l);
    return ok;
}

void snmp_session_close(struct snmp_session_link *l)
{
    snmp_session_done(l);
    if (!l->session)
        return;
    if (l->version == SNMP_LINK_V3)
        drop_user(snmp_sess_session(l->session));
    snmp_sess_close(l->session);
    l->session = NULL;
}

int snmp_session_fd(const struct snmp_session_link *l)
{
    netsnmp_transport *t = l->session ? snmp_sess_transport(l->session) : NULL;
    return t ? t->sock : -1;
}

bool snmp_session_send(struct snmp_session_link *l, bool again, enum snmp_send what, unsigned repetitions,
                       const struct snmp_object *objects, unsigned n, struct err *e)
{
    static const int commands[] = {[SNMP_SEND_GET] = SNMP_MSG_GET,
                                   [SNMP_SEND_GETNEXT] = SNMP_MSG_GETNEXT,
                                   [SNMP_SEND_GETBULK] = SNMP_MSG_GETBULK};
    netsnmp_pdu *pdu = claim(l) ? snmp_pdu_create(commands[what]) : NULL;
    if (!pdu)
        return err_set(e, "the user's keys cannot be made");
    if (what == SNMP_SEND_GETBULK) {
        pdu->non_repeaters = 0;
        pdu->max_repetitions = repetitions;
    }
    for (unsigned i = 0; i < n; i++)
        snmp_add_null_var(pdu, objects[i].oid, objects[i].len);
    if (!again)
        l->n_requests = 0;
    int request = snmp_sess_async_send(l->session, pdu, on_event, l);
    if (request) {
        l->requests[l->n_requests++ % SNMP_LINK_REPEATED] = request;
        return true;
    }
    int sys = 0, lib = 0;
    char *text = NULL;
    snmp_sess_error(l->session, &sys, &lib, &text);
    snmp_free_pdu(pdu);
    bool lost = lib == SNMPERR_BAD_SENDTO; /* as good as lost on the way: it is sent again */
    if (!lost)
        err_set(e, "cannot ask: %s", text ? text : "?");
    free(text);
    return lost;
}

bool snmp_session_read(struct snmp_session_link *l, struct snmp_event *ev)
{
    int fd = snmp_session_fd(l);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (!l->seen && fd >= 0 && poll(&ready, 1, 0) == 1 && claim(l)) {
        netsnmp_large_fd_set set;
        netsnmp_large_fd_set_init(&set, fd + 1);
        NETSNMP_LARGE_FD_ZERO(&set);
        NETSNMP_LARGE_FD_SET(fd, &set);
        errno = 0;
        int status = snmp_sess_read2(l->session, &set);
        netsnmp_large_fd_set_cleanup(&set);
        const netsnmp_session *s = snmp_sess_session(l->session);
        if (status != 0 && !l->seen && s->s_snmp_errno == SNMPERR_BAD_RECVFROM &&
            s->s_errno == ECONNREFUSED) {
            *ev = (struct snmp_event){.kind = SNMP_EVENT_REFUSED};
            return true;
        }
    }
    if (l->seen)
        *ev = l->event;
    return l->seen;
}

void snmp_session_done(struct snmp_session_link *l)
{
    free(l->event.vars);
    l->event = (struct snmp_event){0};
    if (l->pdu)
        snmp_free_pdu(l->pdu);
    l->pdu = NULL;
    l->seen = false;
}
