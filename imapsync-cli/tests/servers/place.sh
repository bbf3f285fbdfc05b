# place.sh: sourced by the other scripts; sets $cache, where privately unpacked servers are kept.
# IMAPSYNC_SERVERS overrides it. The default is target/servers of this workspace; where the account
# that the servers run as cannot reach that (a checkout under a private home directory, built as root),
# it is a folder under /var/tmp.
workspace=$(cd "$here/../../.." && pwd)
cache=${IMAPSYNC_SERVERS:-$workspace/target/servers}
if [ -z "${IMAPSYNC_SERVERS:-}" ] && [ "$(id -u)" = 0 ] &&
  ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$workspace" 2>/dev/null; then
  cache=/var/tmp/imapsync-servers
fi
case "$(dpkg --print-architecture 2>/dev/null)" in
  arm64) triplet=aarch64-linux-gnu ;;
  *) triplet=x86_64-linux-gnu ;;
esac
