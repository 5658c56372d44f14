# Debian packages by purpose, and how they get installed. Sourced by deploy/quickstart and tests/setup.
# shellcheck shell=bash disable=SC2034

packages_build=(gcc libc6-dev meson ninja-build pkgconf libmicrohttpd-dev libevent-dev
    libcurl4-openssl-dev libjansson-dev liblua5.4-dev libsqlite3-dev uuid-dev)
packages_start=(curl ca-certificates)
packages_test=(check clang curl python3 python3-venv python3-pytest python3-pytest-xdist)
packages_node=(nodejs npm)
packages_long=(clang-tools)

# Prints those of its arguments that are not installed.
packages_missing() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2> /dev/null)" = installed ] || echo "$name"
    done
}

# Installs those of its arguments that are missing; says nothing unless that fails.
packages_install() {
    local missing log
    command -v dpkg-query > /dev/null || {
        echo "This needs Debian 12 or 13. Elsewhere install what corresponds to: $*" >&2
        return 1
    }
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "Some packages are missing. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
        return 1
    fi
    echo "installing ${missing[*]}" >&2
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        > "$log" 2>&1 < /dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
