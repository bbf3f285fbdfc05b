#!/bin/sh
# server.sh up|down|hold dovecot|cyrus|courier DIR: one private IMAP server on 127.0.0.1, everything that
# belongs to it under DIR, on ports that the system hands out.
#   up    starts it and prints "ready PORT TLSPORT"        down  stops it, by process id
#   hold  starts it, prints the same, and stops it and removes DIR when standard input ends: a test that
#         dies, however it dies, leaves no server behind
# PORT is plain text with STARTTLS, TLSPORT is TLS from the start. Users u1, u2, ... with the password "pass".
# From the environment: USERS (how many, default 40); CERT=good|expired|selfsigned|wrongname (certs.sh);
# what else each server takes stands in its own file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/place.sh"
what=$1; kind=$2; mkdir -p "$3"; dir=$(cd "$3" && pwd)
users=${USERS:-40}
. "$here/$kind.sh"     # defines start and stop

stop_pid() { # stop_pid FILE: TERM to the process named in FILE, and wait until it is gone
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || return 0
  n=0
  while kill -0 "$pid" 2>/dev/null; do
    n=$((n + 1)); [ $n -lt 200 ] || kill -9 "$pid" 2>/dev/null || true
    sleep 0.05
  done
}
up() {
  chmod 755 "$dir"
  "$here/certs.sh" "$dir" "${CERT:-good}"
  # The system's free ports can be taken by someone else before the server listens: then once more.
  for try in 1 2 3; do
    # shellcheck disable=SC2046
    set -- $(/usr/bin/python3 "$here/ports.py" free 2); port=$1; tls=$2
    if start </dev/null >"$dir/start.log" 2>&1 && /usr/bin/python3 "$here/ports.py" wait "$port" 20; then
      echo "ready $port $tls"; return 0
    fi
    stop || true
  done
  echo "server.sh: $kind did not start" >&2; cat "$dir/start.log" >&2; return 1
}
case $what in
  up) up ;;
  down) stop ;;
  hold)
    # Ctrl-C reaches this script too; it must outlive the test to clean up.
    trap '' INT HUP TERM
    if up; then cat >/dev/null; code=0; else code=1; fi
    stop || true
    [ -n "${KEEP:-}" ] || rm -rf "$dir"
    exit $code ;;
  *) echo "usage: server.sh up|down|hold dovecot|cyrus|courier DIR" >&2; exit 64 ;;
esac
