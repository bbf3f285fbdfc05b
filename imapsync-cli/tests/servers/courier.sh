# courier.sh: sourced by server.sh; Courier IMAP 5.0, unpacked by install.sh, not installed.
# Separator "." and prefix "INBOX." always. Its paths (/etc/courier, /run/courier, /usr/lib/courier) are compiled in, so it
# runs in mount and process namespaces of its own, where its packages are laid over /usr and /etc. Needs root, or sudo without a password.
[ "$(id -u)" = 0 ] && sudo='' || sudo='sudo -n'
start() {
  [ -e "$cache/courier/.complete" ] || { echo "Courier is not there: run $here/install.sh"; return 1; }
  # When unshare goes, the kernel ends every process of its namespace. exec keeps the process id that was noted.
  $sudo setsid sh -c 'echo $$ > "$0/pid"; exec unshare --mount --pid --fork --kill-child sh "$@"' \
    "$dir" "$here/courier-inside.sh" "$dir" "$port" "$tls" "$cache/courier" "$users" &
}
stop() {
  $sudo kill -9 "$(cat "$dir/pid")" 2>/dev/null || true     # unshare holds TERM back
  [ -z "$sudo" ] || $sudo rm -rf "$dir/mail" "$dir/etc" "$dir/run"
}
