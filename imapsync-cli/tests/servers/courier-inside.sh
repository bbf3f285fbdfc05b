#!/bin/sh
# courier-inside.sh DIR PORT TLSPORT ROOT USERS: what courier.sh runs inside the namespaces: Courier, until it is killed.
set -e          # not -u: the shipped settings name variables that nobody sets
dir=$1; port=$2; tls=$3; root=$4; users=$5
mkdir -p "$dir/etc/courier" "$dir/run/courier/authdaemon" "$dir/mail"
hash=$(openssl passwd -6 -salt imapsync pass)
i=0
while [ $i -lt "$users" ]; do
  i=$((i + 1))
  printf 'u%s\tuid=65534|gid=65534|home=%s/mail/u%s|shell=/bin/sh|imappw=%s\n' $i "$dir" $i "$hash"
done > "$dir/etc/courier/userdb"
chmod 600 "$dir/etc/courier/userdb"
sed 's/^authmodulelist=.*/authmodulelist="authuserdb"/; s/^daemons=.*/daemons=2/' \
  "$root/etc/courier/authdaemonrc" > "$dir/etc/courier/authdaemonrc"
# STARTTLS looks up the user and group "courier", which the package would make.
(cat /etc/passwd; echo 'courier:x:65534:65534::/var/lib/courier:/usr/sbin/nologin') > "$dir/etc/passwd"
(cat /etc/group; echo 'courier:x:65534:') > "$dir/etc/group"
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$dir/etc:$root/etc:/etc" /etc
mount --bind "$dir/run" /run
# makeuserdb writes beside userdb, and an overlay without an upper layer is read-only.
cp -rn "$root/etc/courier/." "$dir/etc/courier/"
mount --bind "$dir/etc/courier" /etc/courier
makeuserdb
: > "$dir/etc/courier/access.txt"
/usr/lib/courier/courier/makedatprog "$dir/etc/courier/access.dat" "$dir/etc/courier/access.tmp" \
  < /dev/null 2>/dev/null || true
i=0
while [ $i -lt "$users" ]; do
  i=$((i + 1))
  [ -d "$dir/mail/u$i/Maildir" ] || { mkdir -p "$dir/mail/u$i"; maildirmake.courier "$dir/mail/u$i/Maildir"; }
done
chown -R 65534:65534 "$dir/mail"
courierlogger -pid="$dir/run/authdaemon.pid" -start /usr/lib/courier/courier-authlib/authdaemond
# imapd's settings are environment variables: the shipped file, then ours.
set -a
. "$root/etc/courier/imapd-ssl"
. "$root/etc/courier/imapd"
TLS_CERTFILE=$dir/tls.pem; TLS_TRUSTCERTS=; TLS_CACHEFILE=; TLS_DHPARAMS=
IMAP_STARTTLS=YES; COURIERTLS=/usr/bin/couriertls
IMAP_EMPTYTRASH=; IMAP_CHECK_ALL_FOLDERS=0; IMAP_ENHANCEDIDLE=0
set +a
umask 022
listen() { # listen PIDFILE PORT COMMAND...: couriertcpd accepts on 127.0.0.1 and runs COMMAND
  pid=$1; p=$2; shift 2
  courierlogger -pid="$pid" -start couriertcpd -address=127.0.0.1 -maxprocs=1000 -maxperip=1000 \
    -nodnslookup -noidentlookup "$p" "$@"
}
listen "$dir/run/imapd.pid" "$port" /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
listen "$dir/run/imapd-ssl.pid" "$tls" /usr/bin/couriertls -server -tcpd \
  /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
while sleep 3600; do :; done     # the first process of the namespace: it reaps what the daemons leave
