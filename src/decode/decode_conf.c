/* Option table of section outlet.flow. */
#include "decode/decode_conf.h"

#define SECOND_NS 1000000000ull
#define FLOW(field) OPT_AT(struct decode_conf, field)
static const struct opt rows[] = {
    {"max-sessions", OPT_UINT, FLOW(max_sessions), "16384",
     "Most sessions (exporter, protocol, observation domain) remembered for each partition of the bus; past "
     "it the one "
     "unheard for longest is forgotten.",
     1, 16777216},
    {"max-templates", OPT_UINT, FLOW(max_templates), "1024", "Most templates of one session.", 1, 16384},
    {"max-fields", OPT_UINT, FLOW(max_fields), "512", "Most fields of one template.", 1, 2000},
    {"max-state", OPT_SIZE, FLOW(max_state), "8MiB",
     "Most memory for all of it, for each partition of the bus; about half as much is written with each "
     "commit.",
     1 << 20, (uint64_t)1 << 40},
    {"max-kept", OPT_SIZE, FLOW(max_kept), "4MiB",
     "Most memory for data sets that wait for their template, for each partition of the bus; one exporter "
     "gets a quarter of it. It is written with each commit.",
     4096, (uint64_t)1 << 40},
    {"keep-for", OPT_DURATION, FLOW(keep_for_ns), "15m",
     "How long a data set waits for its template before it is rejected.", SECOND_NS, 86400 * SECOND_NS},
    {"template-lifetime", OPT_DURATION, FLOW(template_lifetime_ns), "24h",
     "A template is out of date when its exporter sent others for so long, and not it. 0: never.", 0,
     3650 * 86400 * SECOND_NS},
    {"spread", OPT_DURATION, FLOW(spread_ns), "0s",
     "A flow is spread over the time it lasted, in pieces of this length, so that an exporter's active "
     "timeout draws no "
     "spike; 0: it counts as a whole at the time of its record. Sums stay exact; there are more rows, at "
     "most 60 for one "
     "flow. A change takes effect at a minute's start.",
     0, 3600000000000, .flags = OPT_RELOAD},
    {"elements", OPT_LIST, FLOW(elements), NULL,
     "Information elements of vendors that fill a column, in addition to those weir knows. A list may be "
     "kept in a file of "
     "its own: `elements: !include elements.yaml`.",
     .item = OPT_STRUCT, .sub = &registry_conf_table},
    {"state-persist-file", OPT_STRING, FLOW(state_persist_file), "",
     "Templates and rates are kept with each commit.", .flags = OPT_OLD},
};
const struct opt_table decode_conf_table =
    OPT_TABLE("flow", struct decode_conf, rows, .help = "What is remembered of exporters.");

struct decoder_limits decode_conf_limits(const struct decode_conf *c)
{
    uint64_t lifetime = c->template_lifetime_ns / SECOND_NS;
    return (struct decoder_limits){.sessions = (uint32_t)c->max_sessions,
                                   .templates_per_session = (uint32_t)c->max_templates,
                                   .fields_per_template = (uint32_t)c->max_fields,
                                   .bytes = c->max_state,
                                   .kept_bytes = c->max_kept,
                                   .kept_s = (uint32_t)(c->keep_for_ns / SECOND_NS),
                                   .template_s = lifetime ? (uint32_t)lifetime : DECODER_NEVER};
}
