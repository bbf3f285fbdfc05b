#!/bin/sh
# install.sh: brings what the real-server tests need, where it is missing: Dovecot and mbsync (installed
# with apt), Cyrus, Courier and offlineimap (downloaded and unpacked under target/servers, not installed:
# the first two conflict with Dovecot as packages), python3, perl and openssl. Says nothing and is done at
# once when all is there. Debian 12 or a system like it; exit 1 and the reason where something cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/place.sh"
updated=no
fail() { echo "install.sh: $*" >&2; exit 1; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
  else fail "must be root (or have sudo) for: $*"; fi
}
update() {
  [ "$updated" = yes ] && return
  command -v apt-get >/dev/null || fail "no apt-get here; install by hand: $*"
  echo "install.sh: apt-get update" >&2
  as_root apt-get -qq update || fail "apt-get update failed: is there a network?"
  updated=yes
}

# Packages that may stand beside everything else.
missing=
need() { [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
PATH=$PATH:/usr/sbin:/sbin
need dovecot dovecot-imapd
need /usr/lib/dovecot/imap dovecot-imapd
need mbsync isync
need perl perl-base
need openssl openssl
need unshare util-linux
need setpriv util-linux
# python3-minimal has no imaplib.
/usr/bin/python3 -c 'import imaplib, json, ssl' 2>/dev/null || missing="$missing python3"
# Libraries of the servers that are only unpacked: file, package.
while read -r file package; do need "/usr/lib/$triplet/$file" "$package"; done <<LIST
sasl2/libsasldb.so libsasl2-modules-db
libsasl2.so.2 libsasl2-2
libwrap.so.0 libwrap0
libgdbm.so.6 libgdbm6
libidn.so.12 libidn12
libltdl.so.7 libltdl7
libjansson.so.4 libjansson4
libxml2.so.2 libxml2
libsqlite3.so.0 libsqlite3-0
libpq.so.5 libpq5
libglib-2.0.so.0 libglib2.0-0
LIST
if [ -n "$missing" ]; then
  update "$missing"
  echo "install.sh: apt-get install$missing" >&2
  # Servers that a package starts would only be in the way; the tests start their own.
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -y --no-install-recommends install $missing \
    >/dev/null || fail "apt-get install$missing failed"
fi

# unpack NAME PACKAGE...: downloads the packages and unpacks them under $cache/NAME.
unpack() {
  root=$cache/$1; shift
  [ -e "$root/.complete" ] && return
  update "$*"
  echo "install.sh: unpacking $* into $root" >&2
  rm -rf "$root"; mkdir -p "$root/.debs"
  (cd "$root/.debs" && apt-get -qq -o APT::Sandbox::User=root download "$@") || fail "cannot download $*"
  for deb in "$root"/.debs/*.deb; do dpkg -x "$deb" "$root"; done
  # Merged /usr: what a package puts in /lib or /bin belongs in /usr/lib or /usr/bin.
  for d in lib bin sbin; do
    if [ -d "$root/$d" ]; then mkdir -p "$root/usr/$d"; cp -a "$root/$d/." "$root/usr/$d/"; rm -r "$root/$d"; fi
  done
  rm -r "$root/.debs"
  : > "$root/.complete"
}
unpack cyrus cyrus-common cyrus-imapd sasl2-bin libical3 libpcre3 libxapian30 libzephyr4 libclamav12 libmspack0
unpack courier courier-imap courier-base courier-authlib courier-authdaemon courier-authlib-userdb \
  libcourier-unicode4 libpcre3 gamin libgamin0 gnutls-bin
unpack offlineimap offlineimap3 python3-imaplib2 python3-distro python3-rfc6555 \
  python3-urllib3 python3-six

# A library that is still missing would show only as a server that never greets.
lacking=$(LD_LIBRARY_PATH=$cache/cyrus/usr/lib/$triplet ldd "$cache"/cyrus/usr/lib/cyrus/bin/imapd \
  "$cache"/cyrus/usr/lib/cyrus/bin/master "$cache"/cyrus/usr/sbin/saslpasswd2 2>/dev/null | grep 'not found' || true)
[ -z "$lacking" ] || fail "libraries Cyrus needs are missing: $lacking"
lacking=$(LD_LIBRARY_PATH=$cache/courier/usr/lib/$triplet:$cache/courier/usr/lib \
  ldd "$cache"/courier/usr/bin/imapd "$cache"/courier/usr/bin/couriertls \
  "$cache"/courier/usr/libexec/gam_server 2>/dev/null | grep 'not found' || true)
[ -z "$lacking" ] || fail "libraries Courier needs are missing: $lacking"
