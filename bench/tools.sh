# What the scripts in this folder have in common: finding, installing and building what they need.
# Sourced by them with `bench` and `checkout` set.

# Debian keeps servers where only root's PATH leads.
PATH=$PATH:/usr/sbin:/sbin

# Installs package $2 when command $1 is missing.
need() {
    if command -v "$1" >/dev/null; then
        return
    fi
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
        echo "${0##*/}: $1 is missing: install the package $2, or run this as root where there is apt-get" >&2
        exit 1
    fi
    echo "${0##*/}: installing $2" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2" >&2
    if [[ $2 =~ ^(nginx|lighttpd|apache2)$ ]]; then
        # Its installation starts it as a service, which nobody asked for here.
        service "$2" stop >&2 || true
    fi
}

# Sets WEBSERV to a release build of this checkout, unless it names a binary already.
build_webserv() {
    if [[ -n ${WEBSERV:-} ]]; then
        return
    fi
    if ! command -v cargo >/dev/null; then
        echo "${0##*/}: cargo is missing: see https://rustup.rs, or set WEBSERV=/path/to/binary" >&2
        exit 1
    fi
    echo "${0##*/}: building webserv" >&2
    (cd "$checkout" && cargo build --release --bin webserv) >&2
    WEBSERV=${CARGO_TARGET_DIR:-$checkout/target}/release/webserv
}
