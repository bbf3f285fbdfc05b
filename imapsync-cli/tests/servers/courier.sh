# courier.sh: sourced by server.sh; Courier IMAP 5.0, unpacked by install.sh, not installed.
# Separator "." and prefix "INBOX." always. Its paths (/etc/courier, /run/courier, /usr/lib/courier) are compiled in, so it
# runs in mount and process namespaces of its own, where its packages are laid over /usr and /etc. Needs root.
start() {
  [ -e "$cache/courier/.complete" ] || { echo "Courier is not there: run $here/install.sh"; return 1; }
  [ "$(id -u)" = 0 ] || { echo "Courier needs root: its paths are compiled in"; return 1; }
  # When unshare goes, the kernel ends every process of its namespace.
  setsid unshare --mount --pid --fork --kill-child sh "$here/courier-inside.sh" \
    "$dir" "$port" "$tls" "$cache/courier" "$users" &
  echo $! > "$dir/pid"
}
stop() { kill -9 "$(cat "$dir/pid")" 2>/dev/null || true; }     # unshare holds TERM back
